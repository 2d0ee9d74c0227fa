"""Files that appear whole or not at all: checked before the work, written beside their place, renamed at the end."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from liteport.errors import InputError

SUFFIX = ".tflite"

Writer = Callable[[Path], None]
"""Writes a file or a folder, and other files beside it whose names begin like its own."""


def check_target(path: str | Path, source: str | Path | None = None, suffix: str = SUFFIX) -> Path:
    """Where a model can be written: `path`, its links followed.

    Raises InputError for another suffix, a folder, a folder that does not exist or cannot be written
    to, anything else that is no regular file, and for the file that the model is made from.
    """
    target = Path(path)
    if target.is_dir():
        raise InputError(f"{target} is a folder: name the file in it, such as {target / f'model{suffix}'}")
    if target.suffix != suffix:
        raise InputError(f"the output must be called something{suffix}: {target} is not")
    if target.exists() and not target.is_file():
        raise InputError(f"{target} is not a regular file: name another output")
    if not target.parent.is_dir():
        raise InputError(f"there is no folder {target.parent}: create it, or name another output")
    if source is not None and target.exists() and Path(source).exists() and target.samefile(source):
        raise InputError(f"{target} is the source itself: name another output with -o")
    return _writable(target.resolve())


def check_folder(path: str | Path, known_by: str, what: str, source: str | Path | None = None) -> Path:
    """Where a model that is a folder can be written: `path`, its links followed.

    One that is there is replaced if it is empty, or holds a file `known_by`, as every folder of that kind (`what`)
    does. Raises InputError for a folder of other things, for a file, for a place that cannot be written to, and for the
    folder that the model is made from.
    """
    target = Path(path)
    if target.exists() and not target.is_dir():
        raise InputError(f"{target} is a file: name a folder for the {what}")
    if target.is_dir() and any(target.iterdir()) and not (target / known_by).is_file():
        raise InputError(
            f"{target} is a folder with other things than a {what} in it: name a new folder, "
            f"or a file in it, such as {target / f'model{SUFFIX}'}"
        )
    if not target.absolute().parent.is_dir():
        raise InputError(f"there is no folder {target.absolute().parent}: create it, or name another output")
    if source is not None and target.exists() and Path(source).exists() and target.samefile(source):
        raise InputError(f"{target} is the source itself: name another output with -o")
    return _writable(target.resolve())


def _writable(target: Path) -> Path:
    """The target. Raises InputError where nothing can be written beside it."""
    try:
        # Permissions do not tell (root, read-only mounts, quotas): only trying does.
        _workshop(target.parent).rmdir()
    except OSError as error:
        raise InputError(f"{target.parent} cannot be written to ({error.strerror}): name another output") from error
    return target


@contextmanager
def staged(writers: Mapping[Path, Writer]) -> Iterator[dict[Path, Path]]:
    """Writes each file or folder in a workshop beside its target; the block gets {target: what was written}.

    When the block ends well each is renamed to its place; when it does not, or is interrupted, they are removed, and
    what stood at the targets stays.
    """
    workshops: dict[Path, Path] = {}
    try:
        written: dict[Path, Path] = {}
        for target, write in writers.items():
            if target.parent not in workshops:
                workshops[target.parent] = _workshop(target.parent)
            written[target] = workshops[target.parent] / target.name
            write(written[target])
        yield written
        for folder, workshop in workshops.items():
            _put_in_place({folder / file.name: file for file in _data_first(workshop)}, workshop)
    finally:
        for workshop in workshops.values():
            shutil.rmtree(workshop, ignore_errors=True)


def _workshop(folder: Path) -> Path:
    """A new folder in `folder`, for files while they are written: a rename must not cross file systems."""
    return Path(tempfile.mkdtemp(prefix=".liteport.", dir=folder))


def _data_first(workshop: Path) -> list[Path]:
    """What is in it: those with a longer name than another's (model.onnx.data) before that."""
    return sorted(workshop.iterdir(), reverse=True)


def parts(file: Path) -> list[Path]:
    """A file or folder, and the files beside it whose names begin like its own: model.onnx, model.onnx.data."""
    return [file, *sorted(file.parent.glob(f"{glob.escape(file.name)}.*"))]


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(file.stat().st_size for file in files)


def _put_in_place(files: Mapping[Path, Path], workshop: Path) -> None:
    """Renames each to its target: all of them, or none, and what stood there before stays.

    A single file replaces the one that is there in one step; a folder cannot.
    """
    apart = len(files) > 1
    old = {t: workshop / f".{t.name}" for t in files if t.is_dir() or (apart and t.exists())}
    moved: list[tuple[Path, Path]] = []
    try:
        for target, file in files.items():
            if target in old:
                os.replace(target, old[target])
                moved.append((old[target], target))
            os.replace(file, target)
            moved.append((target, file))
    except BaseException:
        for now, before in reversed(moved):
            os.replace(now, before)
        raise


def signature_file(target: Path, signature: str) -> Path:
    """The file of one signature alone: model.<signature>.tflite for model.tflite.

    Raises InputError where the signature's name cannot be part of a file's name.
    """
    name = f"{target.stem}.{signature}{target.suffix}"
    if Path(name).name != name:
        raise InputError(f"signature {signature!r} cannot be part of a file's name: give it another")
    return target.with_name(name)
