"""Discrete Fourier transforms by their matrices. A complex number is a pair along the last dimension: real, imaginary.

The kernel for them, RFFT2D, gives a complex type that few others take, and has powers of two for lengths only.
"""

from __future__ import annotations

from math import prod

import numpy as np

from liteport.errors import UnsupportedError
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.types import Array
from liteport.lowering import basic, indexing, linear

_MOST = 1 << 24  # elements of a matrix


def transform(b: Builder, x: Value, axis: int, length: int, *, inverse: bool, onesided: bool) -> Value:
    """x[.., n, .., 1 or 2] transformed along `axis`, of which `length` elements are taken (zeros behind the last one).

    `onesided`: the first half of the result, or of x where that is real again: [.., 1].
    """
    matrix = _matrix(x.shape[axis], x.shape[-1], length, inverse, onesided)
    pair = 1 if inverse and onesided else 2
    order = [i for i in range(x.rank) if i not in (axis, x.rank - 1)]
    front = basic.transpose(b, x, [*order, axis, x.rank - 1])
    rows = basic.reshape(b, front, (prod(front.shape[:-2]), prod(front.shape[-2:])))
    product = linear.along(b, rows, 1, matrix)
    moved = basic.reshape(b, product, (*front.shape[:-2], len(matrix) // pair, pair))
    return basic.transpose(b, moved, np.argsort([*order, axis, x.rank - 1]).tolist())


def short_time(b: Builder, x: Value, step: int, window: Value | None, length: int, *, onesided: bool) -> Value:
    """[B, frames, bins, 2]: the transforms of frames of `length` elements of x[B, n, 1 or 2] times the window, of which
    one begins every `step` elements."""
    count = (x.shape[1] - length) // step + 1
    places = indexing.window_places(b, count, length, step)
    frames = basic.gather(b, x, places, 1)
    if window is not None:
        frames = b.emit(ops.Mul(), frames, basic.reshape(b, window, (length, 1)))
    return transform(b, frames, 2, length, inverse=False, onesided=onesided)


def _matrix(size: int, pair: int, length: int, inverse: bool, onesided: bool) -> Array:
    """[results * (1 or 2), size * pair]: what the transform makes of each number of x, found by transforming ones."""
    if 2 * pair * size * length > _MOST:
        raise UnsupportedError(f"a Fourier transform of {length} elements: it is converted up to some thousands")
    units = np.eye(size) if pair == 1 else np.stack([np.eye(size), 1j * np.eye(size)], -1).reshape(size, 2 * size)
    if inverse and onesided:
        return np.fft.irfft(units, length, axis=0)
    found = np.fft.ifft(units, length, axis=0) if inverse else np.fft.fft(units, length, axis=0)
    found = found[: length // 2 + 1] if onesided else found
    return np.stack([found.real, found.imag], 1).reshape(2 * len(found), units.shape[1])
