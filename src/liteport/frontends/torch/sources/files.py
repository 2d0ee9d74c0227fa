"""What a file is, judged by its content, and whether a zip archive may be believed. Nothing here runs or unpacks it."""

from __future__ import annotations

import tarfile
import zipfile
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from pathlib import Path, PurePosixPath, PureWindowsPath

from liteport.errors import InputError, UnsafeFileError
from liteport.formats.disguised import disguise
from liteport.frontends.torch.sources.text import listed

SUFFIXES = (".pth", ".pt", ".pt2", ".bin", ".ckpt", ".pkl", ".safetensors")

# torch.save stores its entries as they are, so that an archive inflates to less than its own size.
# One that was compressed again by other means stays far below this factor; a bomb is far above it.
MAX_INFLATION = 8
SMALL = 1 << 20

# torch.save's magic number, pickled: how every checkpoint from before PyTorch 1.6 begins.
_LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."

_HDF5 = b"\x89HDF"


class Kind(Enum):
    """The forms in which PyTorch models are kept in files."""

    CHECKPOINT = "a zip checkpoint of torch.save"
    LEGACY = "a checkpoint of torch.save from before PyTorch 1.6"
    TAR = "a checkpoint of torch.save from before PyTorch 0.1.10"
    PICKLE = "a plain pickle"
    SAFETENSORS = "safetensors"
    EXPORTED = "torch.export.save"
    TORCHSCRIPT = "TorchScript"


@dataclass(frozen=True)
class ModelFile:
    """A file, its form, and whether its entries (of a zip) are stored as they are, so that they can be mapped."""

    path: Path
    kind: Kind
    stored: bool = False

    def __str__(self) -> str:
        return str(self.path)


def inspect(path: Path) -> ModelFile:
    """What `path` is. Raises InputError where it is no model, and UnsafeFileError for a hostile archive."""
    head = _head(path)
    if head.startswith(b"PK\x03\x04"):
        return _archive(path)
    if head.startswith(_LEGACY):
        return ModelFile(path, Kind.LEGACY)
    if head.startswith(_HDF5):
        raise InputError(f"{path} is an HDF5 file (Keras .h5), not PyTorch's")
    if (what := disguise(head)) is not None:
        raise InputError(f"{path} is {what}")
    # A length in eight bytes, then JSON.
    if path.suffix == ".safetensors" or (head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 27):
        return ModelFile(path, Kind.SAFETENSORS)
    return ModelFile(path, Kind.TAR if _is_old_tar(path) else Kind.PICKLE)


def _is_old_tar(path: Path) -> bool:
    try:
        with tarfile.open(path, "r:") as archive:
            return {"storages", "tensors", "pickle"} <= set(archive.getnames())
    except (tarfile.TarError, OSError, ValueError):
        return False


def _head(path: Path) -> bytes:
    """The file's first bytes. Raises InputError where it is not a file that can be read, or is empty."""
    try:
        if path.is_dir():
            raise InputError(
                f"{path} is a folder, and no SavedModel (it has no saved_model.pb): "
                f"name the file in it{_models_in(path)}"
            )
        if not path.exists():
            raise InputError(f"{path}: there is no such file{_near(path)}")
        if not path.is_file():
            raise InputError(f"{path} is not a regular file: copy the model to one first")
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        why = error.strerror or error
        raise InputError(f"{path} cannot be read ({why}): check the path and its permissions") from error
    if not head:
        raise InputError(f"{path} is empty (0 bytes): download or save it again")
    return head


def _models_in(folder: Path) -> str:
    names = sorted(p.name for p in folder.iterdir() if p.suffix in SUFFIXES)
    return f", such as {', '.join(names[:5])}" if names else "; it holds no model"


def _near(path: Path) -> str:
    if not path.parent.is_dir():
        return f", nor a folder {path.parent}"
    near = get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=3)
    return f"; there is {', '.join(near)}" if near else ""


def _archive(path: Path) -> ModelFile:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _damaged(path, str(error)) from error
    _check_names(path, entries)
    _check_sizes(path, entries)
    stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
    return ModelFile(path, _kind(path, {entry.filename for entry in entries}), stored)


def _damaged(path: Path, why: str) -> InputError:
    return InputError(f"{path} is truncated or damaged ({why}): download or save it again")


def _kind(path: Path, names: set[str]) -> Kind:
    inner = {name.partition("/")[2] for name in names}
    if "constants.pkl" in inner:
        return Kind.TORCHSCRIPT
    if "archive_format" in inner or "serialized_exported_program.json" in names:
        return Kind.EXPORTED
    if "data.pkl" in inner:
        return Kind.CHECKPOINT
    some = listed(sorted(names), 4) or "nothing"
    raise InputError(f"{path} is a zip archive, but not a PyTorch model (it holds {some}): unpack it first")


def _check_names(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    seen: set[str] = set()
    for entry in entries:
        name = entry.orig_filename
        parts = (*PurePosixPath(name).parts, *PureWindowsPath(name).parts)
        if ".." in parts or PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor or "\0" in name:
            raise UnsafeFileError(f"{path} holds an entry that reaches outside of the archive: {name!r}; do not use it")
        if name in seen:
            raise UnsafeFileError(f"{path} holds two entries called {name!r}, as torch.save never does; do not use it")
        seen.add(name)


def _check_sizes(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    """Sizes are the archive's own claims: they are checked against the file before anything is read."""
    size = path.stat().st_size
    for entry in entries:
        if entry.header_offset + entry.compress_size > size:
            claim = f"{entry.filename!r} claims {entry.compress_size:,} bytes"
            raise _damaged(path, f"{claim}, the file has {size:,}")
    stored = sum(e.file_size for e in entries if e.compress_type == zipfile.ZIP_STORED)
    total = sum(e.file_size for e in entries)
    if stored > size or total > max(MAX_INFLATION * size, SMALL):
        claim = f"{size:,} bytes that would inflate to {total:,}"
        raise UnsafeFileError(f"{path} looks like a zip bomb ({claim}): do not use it; torch.save does not compress")
