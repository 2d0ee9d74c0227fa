"""liteport stages SOURCE -o DIR"""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from liteport.check import TOLERANCE
from liteport.cli import options, tables
from liteport.cli.display import Display

FAILED = 1


def stages(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A .pth, .pt, .pt2, .safetensors or .onnx file, or file.py:Name.")
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="DIR", help="The folder to write to.", rich_help_panel=options.OUTPUT),
    ] = Path("stages"),
    only: Annotated[
        str | None,
        typer.Option(metavar="STAGES", help="Of onnx,savedmodel,pb,tflite: all.", rich_help_panel=options.OUTPUT),
    ] = None,
    input: options.Input = None,
    entry: options.Entry = None,
    dynamic: options.Dynamic = None,
    model: options.Model = None,
    model_args: options.ModelArgs = None,
    source_dir: options.SourceDir = None,
    trust_pickle: options.TrustPickle = False,
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples",
            "-n",
            metavar="N",
            min=1,
            help="How many samples: 1000, or all of --data.",
            rich_help_panel=options.COMPARISON,
        ),
    ] = None,
    data: options.Data = None,
    seed: options.Seed = 0,
    tolerance: options.Tolerance = TOLERANCE,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Write a model as .onnx, SavedModel, .pb and .tflite, and show how far each is from it over the same samples."""
    from liteport.chain import stages as write_stages

    described = options.about_the_model(input, entry, dynamic, model, model_args, source_dir, trust_pickle)
    compared: dict[str, Any] = {"samples": samples, "data": data, "seed": seed, "tolerance": tolerance}
    kinds = only.split(",") if only else None
    # The user's own code may print: standard output is for the result.
    with Display(not quiet and not as_json) as display, redirect_stdout(sys.stderr):
        found = write_stages(source, output, kinds=kinds, **described, **compared, debug=debug, progress=display)
    if as_json:
        print(json.dumps(found.to_dict(), indent=2))
    elif not quiet:
        tables.show(tables.folder(output, found), tables.stages(found))
    if not found.passed:
        raise typer.Exit(FAILED)
