"""liteport verify A B"""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from typing import Annotated

import typer

from liteport.check import TOLERANCE
from liteport.cli import options, tables
from liteport.cli.display import Display


def verify(
    reference: Annotated[str, typer.Argument(metavar="A", help="What is right: a source of any kind, or .tflite.")],
    candidate: Annotated[str, typer.Argument(metavar="B", help="What is compared with it.")],
    samples: options.Samples = None,
    input: options.Input = None,
    entry: options.Entry = None,
    dynamic: options.Dynamic = None,
    graph_inputs: options.GraphInputs = None,
    graph_outputs: options.GraphOutputs = None,
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
    data: options.Data = None,
    seed: options.Seed = 0,
    tolerance: options.Tolerance = TOLERANCE,
    sqnr: options.Sqnr = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Compare two models of any kind that convert reads, on the same samples. Exit code 1 if they differ."""
    from liteport import api

    described = options.about_the_model(
        *(input, entry, dynamic, model, model_args, source_dir, trust_pickle, graph_inputs, graph_outputs)
    )
    border = options.about_the_border(input_names, output_names, channels_last, input_dtype, mean, std, scale, indices)
    shown = not quiet and not as_json
    # The user's own code may print: standard output is for the result.
    with Display(shown) as display, redirect_stdout(sys.stderr):
        result = api.verify(
            reference,
            candidate,
            **described,
            **border,
            samples=samples,
            data=data,
            seed=seed,
            tolerance=tolerance,
            sqnr=sqnr,
            progress=display,
        )
    if shown:
        tables.show(f"{candidate} against {reference}", tables.verification(result))
    result.require()
    if as_json:
        print(json.dumps({"verification": result.to_dict()}, indent=2))
