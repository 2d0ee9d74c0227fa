"""liteport verify A B"""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from typing import Annotated

import typer

from liteport.cli import options, tables
from liteport.cli.display import Display


def verify(
    reference: Annotated[str, typer.Argument(metavar="A", help="What is right: a PyTorch source or a .tflite.")],
    candidate: Annotated[str, typer.Argument(metavar="B", help="What is compared with it.")],
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples",
            "-n",
            metavar="N",
            min=1,
            help="How many samples: 8, or all of --data.",
            rich_help_panel=options.COMPARISON,
        ),
    ] = None,
    input: options.Input = None,
    entry: options.Entry = None,
    model: options.Model = None,
    model_args: options.ModelArgs = None,
    source_dir: options.SourceDir = None,
    trust_pickle: options.TrustPickle = False,
    data: options.Data = None,
    seed: options.Seed = 0,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Compare two models, each a PyTorch source or a .tflite, on the same samples. Exit code 1 if they differ."""
    from liteport import api
    from liteport.cli.specs import parse_entries, parse_inputs

    args, kwargs = parse_inputs(input or [])
    # The user's own code may print: standard output is for the result.
    with Display(shown=not quiet and not as_json) as display, redirect_stdout(sys.stderr):
        result = api.verify(
            reference,
            candidate,
            args or None,
            kwargs=kwargs,
            entries=parse_entries(entry or []),
            factory=model,
            factory_args=model_args,
            source_dir=source_dir,
            trust_pickle=trust_pickle,
            samples=samples,
            data=data,
            seed=seed,
            progress=display,
        )
    if not quiet and not as_json:
        tables.show(f"{candidate} against {reference}", tables.verification(result))
    result.require()
    if as_json:
        print(json.dumps({"verification": result.to_dict()}, indent=2))
