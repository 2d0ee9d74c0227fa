"""liteport profile FILE.tflite"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from liteport.cli import options, tables

_SHOWN = 20


def profile(
    file: Annotated[Path, typer.Argument(help="A .tflite file, of any converter.")],
    signature: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which signature to run, where there are several.")
    ] = None,
    threads: Annotated[int, typer.Option(metavar="N", min=1, help="Threads of the runtime.")] = 1,
    runs: Annotated[int | None, typer.Option(metavar="N", min=1, help="How many runs: 5 seconds' worth.")] = None,
    show_all: Annotated[bool, typer.Option("--all", help="Show every operator, not only the slowest.")] = False,
    as_json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Show where the time of a .tflite goes: its operators by time, as LiteRT runs them on this machine."""
    from liteport import api

    result = api.profile(file, signature, threads=threads, runs=runs)
    if as_json:
        print(json.dumps({"path": str(file), **result.to_dict()}, indent=2))
        return
    shown = None if show_all else _SHOWN
    blocks = tables.slowest(result, shown), tables.kinds(result), tables.partitions(result)
    advised = [tables.advice(result)] if result.advice else []
    tables.show(tables.run_time(file, result), *blocks, *advised)
