"""liteport tune-kit SOURCE -o FOLDER"""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from liteport.cli import options, tables
from liteport.cli.display import Display


def tune_kit(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="What is to be converted, as liteport convert takes it.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="The kit.", rich_help_panel=options.OUTPUT)
    ],
    input: options.Input = None,
    entry: options.Entry = None,
    dynamic: options.Dynamic = None,
    input_names: options.InputNames = None,
    output_names: options.OutputNames = None,
    channels_last: options.ChannelsLast = None,
    input_dtype: options.InputDtype = None,
    mean: options.Mean = None,
    std: options.Std = None,
    scale: options.Scale = None,
    indices: options.Indices = "int64",
    model: options.Model = None,
    model_args: options.ModelArgs = None,
    source_dir: options.SourceDir = None,
    trust_pickle: options.TrustPickle = False,
    prefer: options.Prefer = "balanced",
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Write what another device needs to decide between equal ways to compute this model: files, and a script that
    measures them there and writes the record for convert --tune-from."""
    from liteport import api

    described = options.about_the_model(input, entry, dynamic, model, model_args, source_dir, trust_pickle)
    border = options.about_the_border(input_names, output_names, channels_last, input_dtype, mean, std, scale, indices)
    shown = not quiet and not as_json
    # The user's own code may print: standard output is for the result.
    with Display(shown) as display, redirect_stdout(sys.stderr):
        files = api.tune_kit(source, output, **described, **border, prefer=prefer, debug=debug, progress=display)
    if as_json:
        print(json.dumps({"files": [str(file) for file in files]}, indent=2))
    elif shown:
        tables.show(tables.kit(output, files))
