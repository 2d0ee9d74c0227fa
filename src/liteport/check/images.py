"""Samples from images: resized to the input, scaled to [0, 1], channels where the input has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from liteport.check.samples import Inputs, Samples, Trials
from liteport.errors import InputError
from liteport.ir.types import Array

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff")
_MODES = {3: "RGB", 1: "L", 4: "RGBA"}  # the likeliest first


def is_image(path: Path) -> bool:
    """Whether the name is that of an image."""
    return path.suffix.lower() in SUFFIXES


@dataclass(frozen=True)
class Frame:
    """How an image becomes an input: its shape [batch, ...], height, width, channels and their place."""

    shape: tuple[int, ...]
    channels_first: bool

    @property
    def channels(self) -> int:
        return self.shape[1] if self.channels_first else self.shape[3]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        start = 2 if self.channels_first else 1
        return self.shape[start], self.shape[start + 1]

    @staticmethod
    def of(name: str, like: Array) -> Frame:
        """The frame of an input. Raises InputError where it cannot be an image."""
        if like.ndim == 4 and like.shape[0] and (like.dtype.kind == "f" or like.dtype == np.uint8):
            for channels, place in product(_MODES, (1, 3)):
                if like.shape[place] == channels:
                    return Frame(like.shape, channels_first=place == 1)
        raise InputError(
            f"input {name} ({like.dtype.name}{list(like.shape)}) does not take images: it needs 4 dimensions, "
            "1, 3 or 4 channels, and floats or uint8; give an .npz instead"
        )


@dataclass(frozen=True)
class Images:
    """Image files as samples for the one input of a signature."""

    place: Path
    files: tuple[Path, ...]
    limit: int | None = None

    @staticmethod
    def found(path: Path, limit: int | None) -> Images:
        """The image at `path`, or those in the folder, by name. Raises InputError where there are none."""
        if not path.exists():
            raise InputError(f"{path}: there is no such file")
        files = sorted(p for p in path.iterdir() if is_image(p)) if path.is_dir() else [path]
        if not files:
            raise InputError(f"{path} holds no images ({', '.join(s[1:] for s in SUFFIXES)})")
        return Images(path, tuple(files), limit)

    def samples(self, signature: str, example: Mapping[str, Array], trials: Trials = ()) -> Samples:
        """One sample for each `batch` images. Raises InputError where the signature takes more than an image."""
        if len(example) != 1:
            raise InputError(f"signature {signature} has {len(example)} inputs ({', '.join(example)}): give an .npz")
        [(name, like)] = example.items()
        frame, batch = Frame.of(name, like), like.shape[0]
        if len(self.files) < batch:
            raise InputError(f"{self.place} holds {len(self.files)} images, one sample of input {name} takes {batch}")

        def make(index: int) -> Inputs:
            files = self.files[index * batch : (index + 1) * batch]
            return {name: np.stack([_load(file, frame, like.dtype) for file in files])}

        count = len(self.files) // batch
        return Samples(count if self.limit is None else min(self.limit, count), make)

    def __str__(self) -> str:
        return str(self.place)


def _load(file: Path, frame: Frame, dtype: np.dtype[Any]) -> Array:
    """The image as [C,H,W] or [H,W,C]: floats in [0, 1], or the bytes."""
    try:
        from PIL import Image
    except ImportError as error:
        raise InputError("reading images needs Pillow: pip install 'liteport[images]', or give an .npz") from error
    height, width = frame.size
    try:
        with Image.open(file) as opened:
            image = opened.convert(_MODES[frame.channels]).resize((width, height), Image.Resampling.BILINEAR)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{file} cannot be read as an image ({error}): take it out of the folder") from error
    pixels = np.asarray(image).reshape(height, width, frame.channels)
    if dtype.kind == "f":
        pixels = np.asarray(pixels / 255, dtype)
    return pixels.transpose(2, 0, 1) if frame.channels_first else pixels
