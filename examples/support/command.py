"""The command line as a user types it: shown, then run in a process of its own."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

LITEPORT = Path(sys.executable).with_name("liteport")


def output_folder(example: str) -> Path:
    """Where an example writes: the folder named on its command line, else out/EXAMPLE; made if need be."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("out", example)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def say(text: str) -> None:
    """Prints what comes next, set off from the output of commands."""
    print(f"\n# {text}", flush=True)


def liteport(*arguments: str | Path, expect: int = 0) -> None:
    """Shows and runs `liteport ARGUMENTS`; ends the example where the exit code is not the expected one."""
    words = [str(a) for a in arguments]
    print(f"$ liteport {shlex.join(words)}", flush=True)
    code = subprocess.run([LITEPORT, *words], check=False).returncode
    if code != expect:
        sys.exit(f"liteport ended with exit code {code} where {expect} was expected")
