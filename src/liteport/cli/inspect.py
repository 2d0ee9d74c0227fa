"""liteport inspect FILE.tflite"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from liteport.cli import options, tables


def inspect(
    file: Annotated[Path, typer.Argument(help="A .tflite file, of any converter.")],
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Show what a .tflite holds: signatures, inputs and outputs, operators, and what its bytes are spent on."""
    from liteport import api

    contents = api.inspect(file)
    if as_json:
        print(json.dumps({"path": str(file), **contents.to_dict()}, indent=2))
        return
    counts = tables.operators(contents, shown=None)
    tables.show(tables.headline(file, contents.size), tables.signatures(contents), counts, tables.parts(contents))
