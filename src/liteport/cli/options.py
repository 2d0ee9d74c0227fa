"""The options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

INPUTS, LOADING, COMPARISON, OUTPUT = "Inputs", "Loading", "Comparison", "Output"

Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "-i",
        metavar="[NAME=]SHAPE[:TYPE]",
        help="An input, in the forward's order: 1,3,224,224 or ids=1,128:int64:0..999 (name, type and range).",
        rich_help_panel=INPUTS,
    ),
]
Entry = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME[:METHOD]=SHAPE",
        help="A signature of its own: a method of the model, and its inputs separated by ';'.",
        rich_help_panel=INPUTS,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="MODULE:NAME",
        help="What makes the module for a file of weights: package.module:Name or file.py:Name.",
        rich_help_panel=LOADING,
    ),
]
ModelArgs = Annotated[
    str | None,
    typer.Option(metavar="ARGS", help="Keyword arguments for it: name=value,... or JSON.", rich_help_panel=LOADING),
]
SourceDir = Annotated[
    Path | None,
    typer.Option(
        "--source", metavar="DIR", help="The folder that the model's code is imported from.", rich_help_panel=LOADING
    ),
]
TrustPickle = Annotated[
    bool,
    typer.Option("--trust-pickle", help="Load a file that could run any code.", rich_help_panel=LOADING),
]
Data = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        help="Compare on these: .npz, .npy, an image, or a folder of images.",
        rich_help_panel=COMPARISON,
    ),
]
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="Of the random samples.", rich_help_panel=COMPARISON)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.", rich_help_panel=OUTPUT)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.", rich_help_panel=OUTPUT)]
Debug = Annotated[bool, typer.Option("--debug", help="Check every pass, and show tracebacks.", rich_help_panel=OUTPUT)]
