"""Running the user's own Python: their folders on sys.path for as long as it takes, their errors as one sentence."""

from __future__ import annotations

import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import invalidate_caches
from pathlib import Path
from typing import TypeVar

from liteport.errors import InputError, LiteportError
from liteport.frontends.torch.sources.text import described

T = TypeVar("T")

# Top-level modules that came from a user's folder, and that folder. Two projects may both have a
# models/ folder: the first one's steps aside when the second one is loaded.
_guests: dict[str, Path] = {}


@contextmanager
def importing(*folders: Path) -> Iterator[None]:
    """Inside the block `folders` lead sys.path, and modules of the same names from an earlier block are forgotten."""
    homes = [folder.resolve() for folder in folders]
    for name, home in list(_guests.items()):
        if home not in homes and any(_provides(folder, name) for folder in homes):
            _forget(name)
    path, loaded = list(sys.path), set(sys.modules)
    sys.path[:0] = [str(home) for home in homes]
    invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = path
        for name in {name.partition(".")[0] for name in set(sys.modules) - loaded}:
            _guests.update((name, home) for home in homes if _provides(home, name))


def _provides(folder: Path, name: str) -> bool:
    return os.path.isdir(folder / name) or os.path.isfile(folder / f"{name}.py")


def _forget(name: str) -> None:
    del _guests[name]
    for module in [m for m in sys.modules if m == name or m.startswith(f"{name}.")]:
        del sys.modules[module]


def users_code(what: str, run: Callable[[], T], *folders: Path) -> T:
    """run(), with `folders` on sys.path.

    Raises InputError, chained, for whatever the user's code raises: "<what> failed at file:line: <the exception>".
    """
    try:
        with importing(*folders):
            return run()
    except LiteportError:
        raise
    # SystemExit: a script without a __main__ guard that parses its command line when it is imported.
    except (Exception, SystemExit) as error:
        raise InputError(f"{what} failed{_place(error, folders)}: {described(error)}") from error


def _place(error: BaseException, folders: tuple[Path, ...]) -> str:
    """Where in the user's files it happened, as " at file:line": the innermost of them, else nothing."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" at {error.filename}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_file()]
    theirs = [frame for frame in frames if not any(_inside(frame.filename, home) for home in _installed())]
    found = [frame for frame in theirs if any(_inside(frame.filename, folder) for folder in folders)] or theirs
    return f" at {found[-1].filename}:{found[-1].lineno}" if found else ""


def _inside(file: str, folder: Path) -> bool:
    return Path(file).resolve().is_relative_to(folder.resolve())


def _installed() -> list[Path]:
    """Folders whose frames are never the user's own code: Python, its packages, and this one."""
    paths = sysconfig.get_paths()
    return [Path(paths[key]) for key in ("stdlib", "purelib", "platlib")] + [Path(__file__).parent]
