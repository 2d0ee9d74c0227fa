"""Samples that the user has: arrays in a file, or images."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from liteport.check.images import Images, is_image
from liteport.check.samples import Inputs, Samples, Source, Trials
from liteport.errors import InputError
from liteport.ir.types import Array


@dataclass(frozen=True)
class Arrays:
    """Samples from a .npz (arrays by input name) or .npy file (the one input's).

    An array is one sample where it has the input's shape; otherwise its first axis counts the samples,
    with or without the input's own batch axis. Dynamic dimensions behind the first may have any size.
    Where signatures share names, "signature/input" tells them apart.
    """

    path: Path
    arrays: Mapping[str, Array]
    limit: int | None = None

    def samples(self, signature: str, example: Mapping[str, Array], trials: Trials = ()) -> Samples:
        parts = {
            name: self._split(name, self._array(name, signature, example), array, _open(name, trials))
            for name, array in example.items()
        }
        counts = {len(part) for part in parts.values()}
        if len(counts) != 1:
            each = ", ".join(f"{name} {len(part)}" for name, part in parts.items())
            raise InputError(f"{self.path} holds different numbers of samples for the inputs: {each}")
        count = counts.pop() if self.limit is None else min(self.limit, counts.pop())

        def make(index: int) -> Inputs:
            return {name: np.ascontiguousarray(part[index], example[name].dtype) for name, part in parts.items()}

        return Samples(count, make)

    def _array(self, name: str, signature: str, example: Mapping[str, Array]) -> Array:
        for key in (f"{signature}/{name}", name):
            if key in self.arrays:
                return self.arrays[key]
        if len(self.arrays) == len(example) == 1:
            return next(iter(self.arrays.values()))
        found = ", ".join(self.arrays) if self.path.suffix == ".npz" else "one array without a name"
        raise InputError(f"{self.path} has no array for input {name} (it holds {found}): save an .npz with these names")

    def _split(self, name: str, array: Array, like: Array, open: set[int]) -> Array:
        """The array with a first axis that counts samples of the shape of `like`, but along its `open` axes."""
        if not np.can_cast(array.dtype, like.dtype, "same_kind"):
            raise InputError(f"{self.path}: input {name} takes {like.dtype.name}, the array holds {array.dtype.name}")
        shape = like.shape
        for lead in (0, 1):
            if open and array.ndim == like.ndim + lead:
                shape = tuple(array.shape[i + lead] if i in open and i else d for i, d in enumerate(shape))
        if array.shape == shape:
            return array[None]
        if array.ndim == len(shape) + 1 and array.shape[1:] == shape:
            return array
        if (
            array.ndim == len(shape) > 0
            and array.shape[1:] == shape[1:]
            and shape[0]
            and array.shape[0] % shape[0] == 0
        ):
            return array.reshape(-1, *shape)
        raise InputError(
            f"{self.path}: input {name} takes {list(shape)}, the array is {list(array.shape)}: "
            f"it must be one such sample, or many along its first axis"
        )

    def __str__(self) -> str:
        return str(self.path)


def _open(name: str, trials: Trials) -> set[int]:
    """The axes along which an input has different sizes."""
    return {
        axis for axis, sizes in enumerate(zip(*(shapes[name] for shapes in trials), strict=True)) if len(set(sizes)) > 1
    }


def open_data(path: str | Path, limit: int | None = None) -> Source:
    """The samples in a .npz or .npy file, an image or a folder of images, at most `limit` of them.

    Raises InputError for anything else. Images are scaled to [0, 1] and resized (needs Pillow).
    """
    path = Path(path)
    if path.is_dir() or is_image(path):
        return Images.found(path, limit)
    if path.suffix not in (".npz", ".npy"):
        raise InputError(f"{path} is no source of samples: give an .npz or .npy file, an image, or a folder of images")
    try:
        return Arrays(path, _load(path), limit)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{path} cannot be read as NumPy arrays ({reason}): save it with np.savez or np.save"
        ) from error


def _load(path: Path) -> dict[str, Array]:
    loaded = np.load(path, mmap_mode="r", allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return {path.stem: loaded}
    with loaded:
        return {key: loaded[key] for key in loaded.files}
