"""Reading what torch.save wrote, without running anything that a pickle asks for.

PyTorch's own weights-only unpickler is the judge and the guard: whatever it refuses is not loaded
without the user's explicit word. Reading the opcodes here only tells the user why.
"""

from __future__ import annotations

import pickle
import pickletools
import tarfile
import warnings
import zipfile
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import torch
from torch import _weights_only_unpickler

from liteport.errors import InputError, UnsafeFileError
from liteport.frontends.torch.sources.files import Kind, ModelFile
from liteport.frontends.torch.sources.imports import users_code
from liteport.frontends.torch.sources.text import described, listed

_STRINGS = {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING"}
_PUTS = {"PUT", "BINPUT", "LONG_BINPUT"}
_GETS = {"GET", "BINGET", "LONG_BINGET"}


class Ignored:
    """Stands for something in a checkpoint that is no weight: made of anything, it keeps and does nothing."""

    def __new__(cls, *args: Any) -> Ignored:
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        return None


# What training scripts often keep beside the weights. None of these is imported: Ignored takes its place.
_IGNORED = [
    (Ignored, name)
    for name in ("argparse.Namespace", "numpy.dtype", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")
]


class _ToCpu(dict[str, str]):
    """A map_location that sends every storage to the CPU and remembers where it was.

    torch.load asks a dict, and only a dict, by get(location, location) in all of its paths.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, None] = {}

    def get(self, location: Any, default: Any = None) -> Any:
        self.seen[str(location)] = None
        return "cpu"


def checkpoint(file: ModelFile, *, trusted: bool, source_dir: Path | None, notes: list[str]) -> Any:
    """The object in a file of torch.save (or of pickle), its tensors on the CPU and mapped where they can be.

    `trusted` is the user's word that the file may import and run what it likes, from `source_dir` too.
    Raises UnsafeFileError for one that would, and InputError for one that cannot be read.
    """
    failure: Exception | None = None
    if file.kind in (Kind.CHECKPOINT, Kind.LEGACY):
        try:
            with torch.serialization.safe_globals(_IGNORED):
                return _torch_load(file, notes, weights_only=True)
        except Exception as error:  # whatever a damaged or hostile file provokes in torch.load
            failure = error
    names = imported_names(file)
    if names is None or (failure and not names and not _has_unknown_opcodes(failure)):
        raise _damaged(file, failure) from failure
    if not trusted:
        raise _refusal(file, names, failure) from failure
    return _trusted_load(file, names, source_dir, notes)


def _torch_load(file: ModelFile, notes: list[str], *, weights_only: bool) -> Any:
    places = _ToCpu()
    # Entries that are stored as they are can be mapped; compressed ones must be read.
    mapped = file.kind is Kind.CHECKPOINT and file.stored
    with quiet():
        loaded = torch.load(file.path, map_location=places, weights_only=weights_only, mmap=mapped)
    notes.extend(f"moved from {place} to the CPU" for place in places.seen if place != "cpu")
    return loaded


def _trusted_load(file: ModelFile, names: list[str], source_dir: Path | None, notes: list[str]) -> Any:
    def run() -> Any:
        if file.kind is not Kind.PICKLE:
            return _torch_load(file, notes, weights_only=False)
        with file.path.open("rb") as stream:
            return pickle.load(stream)

    folders = () if source_dir is None else (source_dir,)
    try:
        loaded = users_code(f"loading {file}", run, *folders)
    except InputError as error:
        raise _trusted_failure(file, error, source_dir) from error.__cause__
    notes.append(f"ran the pickle, which was trusted; it imported {listed(names, 5) or 'nothing unusual'}")
    return loaded


def _trusted_failure(file: ModelFile, error: InputError, source_dir: Path | None) -> InputError:
    """The error of a trusted load with the remedy, where the classes of the model were not found."""
    cause = error.__cause__
    if not isinstance(cause, ModuleNotFoundError | AttributeError):
        return error
    if "__main__" in str(cause):
        remedy = "its class stood in the script that saved it; save the state_dict() and use --model file.py:Class"
    elif source_dir is None:
        remedy = "give the folder that its classes are imported from with --source DIR"
    else:
        remedy = f"its classes must be importable from --source {source_dir}, by the names they had when it was saved"
    return InputError(f"{file} needs Python code that was not found ({described(cause)}): {remedy}")


def imported_names(file: ModelFile) -> list[str] | None:
    """What loading `file` in full would import beyond plain weights, found by reading its opcodes only.

    None where there is no pickle to read. The names are sorted, PyTorch's own last.
    """
    safe = set(_weights_only_unpickler._get_allowed_globals()) | {name for _, name in _IGNORED}
    names: set[str] = set()
    try:
        for stream, pickles in _streams(file):
            for _ in range(pickles):
                names.update(name for name in names_in_pickle(stream) if name not in safe)
    except Exception:  # any bytes at all may stand where opcodes should
        if not names or _is_text(file):
            return None
    return sorted(names, key=lambda name: (name.startswith("torch."), name))


def _is_text(file: ModelFile) -> bool:
    """Whether a supposed pickle lacks the first byte of all pickle protocols since 2: words can look like opcodes."""
    with file.path.open("rb") as stream:
        return file.kind is Kind.PICKLE and stream.read(1) != pickle.PROTO


def _streams(file: ModelFile) -> Iterator[tuple[IO[bytes], int]]:
    """The places in a file where pickles begin, and how many stand there one after the other."""
    if file.kind in (Kind.CHECKPOINT, Kind.EXPORTED):
        with zipfile.ZipFile(file.path) as archive:
            yield from ((stream, 1) for stream in _in_archive(archive))
    elif file.kind is Kind.TAR:
        with tarfile.open(file.path, "r:") as archive:
            for name in ("pickle", "tensors", "storages"):
                if (member := archive.extractfile(name)) is not None:
                    yield member, 1
    else:
        with file.path.open("rb") as stream:
            # a magic number, a version, the machine, the object and the keys of its storages
            yield stream, 5 if file.kind is Kind.LEGACY else 1


def _in_archive(archive: zipfile.ZipFile) -> Iterator[IO[bytes]]:
    """The pickles of a checkpoint, and those of the checkpoints inside of it (as in a .pt2)."""
    for name in archive.namelist():
        if name.endswith("/data.pkl"):
            yield archive.open(name)
        elif name.endswith(".pt"):
            with zipfile.ZipFile(BytesIO(archive.read(name))) as inner:
                yield from _in_archive(inner)


def names_in_pickle(stream: IO[bytes]) -> Iterator[str]:
    """The module.name of everything that the pickle at the stream's position would import, in its order.

    A name that is put together at run time is "?". Raises what pickletools does where the pickle breaks off.
    """
    strings: list[str] = []
    memo: dict[Any, str] = {}
    for opcode, arg, _ in pickletools.genops(stream):
        if opcode.name in ("GLOBAL", "INST"):
            yield _modern(*str(arg).split(" ", 1))
        elif opcode.name == "STACK_GLOBAL":
            yield ".".join(strings[-2:]) if len(strings) > 1 else "?"
        elif opcode.name in _STRINGS:
            strings.append(str(arg))
        elif opcode.name in _GETS:
            strings.append(memo.get(arg, "?"))
        elif opcode.name in _PUTS or opcode.name == "MEMOIZE":
            memo[len(memo) if arg is None else arg] = strings[-1] if strings else "?"


def _modern(module: str, name: str) -> str:
    """A name under Python 3: protocol 2, torch.save's own, writes those of Python 2."""
    module, name = NAME_MAPPING.get((module, name), (module, name))
    return f"{IMPORT_MAPPING.get(module, module)}.{name}"


def _refusal(file: ModelFile, names: list[str], failure: Exception | None) -> InputError:
    trust = "If you trust where it came from, load it with --trust-pickle (trust_pickle=True)"
    better = "safer: save only the weights, torch.save(model.state_dict(), ...), and name their class with --model"
    if names:
        why = f"holds more than weights: loading it would import {listed(names)}, and could run any code"
        return UnsafeFileError(f"{file} {why}. {trust}; {better}")
    if file.kind is Kind.PICKLE:
        return InputError(f"{file} is a plain pickle without any tensor, not a file of torch.save; {better}")
    reason = "its pickle protocol is not torch.save's own" if failure else f"it is {file.kind.value}"
    return UnsafeFileError(f"{file} cannot be read by PyTorch's safe loader: {reason}. {trust}; {better}")


def _has_unknown_opcodes(failure: Exception) -> bool:
    """Whether the safe loader gave up on a well-formed pickle of a protocol that it does not know."""
    return isinstance(failure, pickle.UnpicklingError) and "Unsupported operand" in str(failure)


def _damaged(file: ModelFile, failure: Exception | None) -> InputError:
    if file.kind is Kind.PICKLE:
        kinds = "neither of torch.save or torch.export, nor safetensors"
        return InputError(f"{file} is no PyTorch model ({kinds}): check the path")
    reason = f" ({described(failure)})" if failure else ""
    return InputError(f"{file} is truncated or damaged{reason}: download or save it again")


@contextmanager
def quiet() -> Iterator[None]:
    """PyTorch's warnings about a file's age or protocol say nothing that our own errors do not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
