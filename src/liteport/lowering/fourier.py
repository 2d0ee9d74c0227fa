"""Discrete Fourier transforms by their matrices.

The kernel for them, RFFT2D, gives a complex type that few others take, and has powers of two for lengths only.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from liteport.errors import UnsupportedError
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array
from liteport.lowering import basic, indexing, joining, linear

_MOST = 1 << 24  # elements of a matrix


def along(
    b: Builder, re: Value, im: Value | None, axis: int, transform: Callable[[Array], Array]
) -> tuple[Value, Value | None]:
    """Both parts of what a linear `transform` of columns makes of complex numbers along `axis` (not negative).

    `im` is None where they are real, and in the result where those are. The matrix is found by transforming ones.
    """
    size = re.shape[axis]
    if not is_fixed([size]):
        raise UnsupportedError("a Fourier transform along a dimension of open size: fix that size")
    _check(2 * size, size)
    ones = np.eye(size)
    matrix = transform(ones) if im is None else np.concatenate([transform(ones), transform(1j * ones)], 1)
    x = re if im is None else joining.join(b, [re, im], axis)
    parts = linear.along(b, x, axis, matrix.real)
    return parts, linear.along(b, x, axis, matrix.imag) if np.iscomplexobj(matrix) else None


def transform(b: Builder, x: Value, axis: int, length: int, *, inverse: bool, onesided: bool) -> Value:
    """x[.., n, .., 1 or 2] transformed along `axis`, of which `length` elements are taken (zeros behind the last one).

    A complex number is a pair along the last dimension: real, imaginary.

    `onesided`: the first half of the result, or of x where that is real again: [.., 1].
    """
    columns = matrix(x.shape[axis], x.shape[-1], length, inverse=inverse, onesided=onesided)
    pair = 1 if inverse and onesided else 2
    order = [i for i in range(x.rank) if i not in (axis, x.rank - 1)]
    front = basic.transpose(b, x, [*order, axis, x.rank - 1])
    rows = basic.reshape(b, front, (prod(front.shape[:-2]), prod(front.shape[-2:])))
    product = linear.along(b, rows, 1, columns)
    moved = basic.reshape(b, product, (*front.shape[:-2], len(columns) // pair, pair))
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


def matrix(size: int, pair: int, length: int, *, inverse: bool, onesided: bool) -> Array:
    """[results * (1 or 2), size * pair]: what the transform makes of each number of x, found by transforming ones."""
    _check(pair * size, length)
    units = np.eye(size) if pair == 1 else np.stack([np.eye(size), 1j * np.eye(size)], -1).reshape(size, 2 * size)
    if inverse and onesided:
        return np.fft.irfft(units, length, axis=0)
    found = np.fft.ifft(units, length, axis=0) if inverse else np.fft.fft(units, length, axis=0)
    found = found[: length // 2 + 1] if onesided else found
    return np.stack([found.real, found.imag], 1).reshape(2 * len(found), units.shape[1])


def _check(size: int, length: int) -> None:
    if 2 * size * length > _MOST:
        raise UnsupportedError(f"a Fourier transform of {length} elements: it is converted up to some thousands")
