"""The options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Input = Annotated[
    list[str] | None,
    typer.Option("--input", "-i", metavar="[NAME=]SHAPE[:TYPE]", help="An input: 1,3,224,224 or ids=1,128:int64:0..999."),
]
Entry = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME[:METHOD]=SHAPE", help="An entry point: a method, and its inputs separated by ';'."),
]
Model = Annotated[
    str | None,
    typer.Option(metavar="MODULE:NAME", help="What makes the module for weights: package.module:Name or file.py:Name."),
]
ModelArgs = Annotated[str | None, typer.Option(metavar="ARGS", help="Its keyword arguments: name=value,... or JSON.")]
SourceDir = Annotated[Path | None, typer.Option("--source", metavar="DIR", help="Where the model's code is imported from.")]
TrustPickle = Annotated[bool, typer.Option("--trust-pickle", help="Load a file that could run any code.")]
Data = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="Compare on these: .npz, .npy, an image, or a folder of images."),
]
Seed = Annotated[int, typer.Option(min=0, help="Of the random samples.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Debug = Annotated[bool, typer.Option("--debug", help="Check every pass, and show tracebacks.")]
