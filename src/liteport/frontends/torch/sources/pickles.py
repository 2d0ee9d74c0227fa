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
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

import torch
from torch import _weights_only_unpickler as weights_only

from liteport.errors import InputError, UnsafeFileError
from liteport.frontends.torch.sources.files import Kind, ModelFile
from liteport.frontends.torch.sources.imports import described, users_code

SHOWN = 12

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
    places = _ToCpu()
    if file.kind in (Kind.CHECKPOINT, Kind.LEGACY):
        try:
            return _safe_load(file, places)
        except Exception as error:  # whatever a damaged or hostile file provokes in torch.load
            failure: Exception | None = error
        finally:
            notes.extend(f"moved from {place} to the CPU" for place in places.seen if place != "cpu")
    else:
        failure = None
    names = imported_names(file)
    if names is None:
        raise _damaged(file, failure) from failure
    if not trusted:
        raise _refusal(file, names, failure) from failure
    if failure is not None and not names and not _needs_trust(failure):
        raise _damaged(file, failure) from failure
    return _trusted_load(file, names, source_dir, notes)


def _safe_load(file: ModelFile, places: _ToCpu) -> Any:
    with quiet(), torch.serialization.safe_globals(_IGNORED):
        return torch.load(file.path, map_location=places, weights_only=True, mmap=_mapped(file))


def _trusted_load(file: ModelFile, names: list[str], source_dir: Path | None, notes: list[str]) -> Any:
    places = _ToCpu()

    def run() -> Any:
        with quiet():
            if file.kind is not Kind.PICKLE:
                return torch.load(file.path, map_location=places, weights_only=False, mmap=_mapped(file))
            with file.path.open("rb") as stream:
                return pickle.load(stream)

    folders = () if source_dir is None else (source_dir,)
    try:
        loaded = users_code(f"loading {file}", run, *folders)
    except InputError as error:
        raise _trusted_failure(file, error, source_dir) from error.__cause__
    notes.extend(f"moved from {place} to the CPU" for place in places.seen if place != "cpu")
    notes.append(f"trusted the pickle, which imported {listed(names) or 'nothing unusual'}")
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
    safe = set(weights_only._get_allowed_globals()) | {name for _, name in _IGNORED}
    names: set[str] = set()
    try:
        for stream, pickles in _streams(file):
            for _ in range(pickles):
                names |= set(names_in_pickle(stream))
    except (OSError, ValueError, EOFError, KeyError, IndexError, tarfile.TarError, zipfile.BadZipFile):
        if not names - safe:
            return None
    return sorted(names - safe, key=lambda name: (name.startswith("torch."), name))


def _streams(file: ModelFile) -> Iterator[tuple[IO[bytes], int]]:
    """The places in a file where pickles begin, and how many stand there one after the other."""
    if file.kind is Kind.CHECKPOINT:
        with zipfile.ZipFile(file.path) as archive:
            for name in archive.namelist():
                if name.endswith("/data.pkl"):
                    yield archive.open(name), 1
    elif file.kind is Kind.TAR:
        with tarfile.open(file.path, "r:") as archive:
            for name in ("pickle", "tensors", "storages"):
                if (member := archive.extractfile(name)) is not None:
                    yield member, 1
    else:
        with file.path.open("rb") as stream:
            # a magic number, a version, the machine, the object and the keys of its storages
            yield stream, 5 if file.kind is Kind.LEGACY else 1


def names_in_pickle(stream: IO[bytes]) -> Iterator[str]:
    """The module.name of everything that the pickle at the stream's position would import.

    A name that is put together at run time is "?". Raises ValueError where there is no pickle.
    """
    strings: list[str] = []
    memo: dict[Any, str] = {}
    for opcode, arg, _ in pickletools.genops(stream):
        if opcode.name in ("GLOBAL", "INST"):
            yield str(arg).replace(" ", ".", 1)
        elif opcode.name == "STACK_GLOBAL":
            yield ".".join(strings[-2:]) if len(strings) > 1 else "?"
        elif opcode.name in _STRINGS:
            strings.append(str(arg))
        elif opcode.name in _GETS:
            strings.append(memo.get(arg, "?"))
        elif opcode.name in _PUTS or opcode.name == "MEMOIZE":
            memo[len(memo) if arg is None else arg] = strings[-1] if strings else "?"


def _refusal(file: ModelFile, names: list[str], failure: Exception | None) -> InputError:
    trust = "If you trust where it came from, load it with --trust-pickle (trust_pickle=True)"
    better = "safer: save only the weights, torch.save(model.state_dict(), ...), and name their class with --model"
    if names:
        return UnsafeFileError(
            f"{file} holds more than weights: loading it would import {listed(names)}, and could run any code. {trust}; {better}"
        )
    if file.kind is Kind.PICKLE:
        return InputError(f"{file} is a plain pickle without any tensor, not a file of torch.save: {better}")
    if failure is None or _needs_trust(failure):
        reason = f"it is {file.kind.value}" if failure is None else "its pickle protocol is not torch.save's default"
        return UnsafeFileError(f"{file} cannot be read by PyTorch's safe loader: {reason}. {trust}; {better}")
    return _damaged(file, failure)


def _needs_trust(failure: Exception) -> bool:
    """Whether the safe loader gave up on a well-formed pickle that uses opcodes it does not know."""
    return isinstance(failure, pickle.UnpicklingError) and "Unsupported operand" in str(failure)


def _damaged(file: ModelFile, failure: Exception | None) -> InputError:
    if file.kind is Kind.PICKLE:
        return InputError(f"{file} is not a PyTorch model: it is neither a checkpoint nor safetensors nor an export")
    reason = f" ({described(failure)})" if failure else ""
    return InputError(f"{file} is truncated or damaged{reason}: download or save it again")


def _mapped(file: ModelFile) -> bool:
    """Entries that are stored as they are can be mapped; compressed ones must be read."""
    return file.kind is Kind.CHECKPOINT and file.stored


def listed(names: Iterable[str], shown: int = SHOWN) -> str:
    """A readable list: the first few, and how many more there are."""
    names = list(names)
    more = len(names) - shown
    return ", ".join(islice(names, shown)) + (f" and {more} more" if more > 0 else "")


@contextmanager
def quiet() -> Iterator[None]:
    """PyTorch's warnings about a file's age or protocol say nothing that our own errors do not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
