"""The grids that quantised numbers lie on, and constants put onto them."""

from __future__ import annotations

from math import isfinite

import numpy as np

from liteport.ir.graph import Value, constant
from liteport.ir.types import Array, DType, Quantization

_INT8 = np.iinfo(np.int8)
_INT32 = np.iinfo(np.int32)


def is_stored(value: Value) -> bool:
    """Whether the value is a tensor of 8 bits with one scale."""
    found = value.quantization
    return value.dtype in (DType.INT8, DType.UINT8) and found is not None and len(found.scale) == 1


def as_int8(value: Value) -> Quantization:
    """The quantisation that gives int8 numbers the meaning of the value's own: that of uint8, 128 further down."""
    found = value.quantization
    assert found is not None
    return found if value.dtype is DType.INT8 else _moved(found, -128)


def as_type(grid: Quantization, dtype: DType) -> Quantization:
    """The quantisation of the grid of int8 numbers in a type."""
    return grid if dtype is DType.INT8 else _moved(grid, 128)


def same(one: Value, other: Value) -> bool:
    """Whether two stored values have the same numbers for the same meaning, but for what uint8 is ahead of int8."""
    ours, theirs = as_int8(one), as_int8(other)
    return ours.scale == theirs.scale and ours.zero_point == theirs.zero_point


def on_grid(value: Value) -> Value | None:
    """A constant of real numbers as int8 with one scale; None where it does not say on which grid it lies.

    A single number lies on every grid that reaches it.
    """
    if value.has_sizes:
        return None
    if value.quantization is None and value.type.size == 1:
        number = float(value.array.reshape(()))
        if not isfinite(number):
            return None
        return _int8(value, Quantization((abs(number) / _INT8.max or 1.0,), (0,)))
    if value.quantization is None or len(value.quantization.scale) != 1:
        return None
    (scale,), (zero_point,) = value.quantization.scale, value.quantization.zero_point
    highest = np.rint(value.array.max(initial=0) / scale) + zero_point
    return _int8(value, Quantization((scale,), (zero_point - 128 if highest > _INT8.max else zero_point,)))


def _int8(value: Value, grid: Quantization) -> Value | None:
    numbers = np.rint(value.array.astype(np.float64) / grid.scale[0]) + grid.zero_point[0]
    if not _fits(numbers, _INT8.min, _INT8.max) or not _INT8.min <= grid.zero_point[0] <= _INT8.max:
        return None
    stored = constant(numbers.astype(np.int8), value.name)
    stored.quantization = grid
    return stored


def in_type(stored: Value, dtype: DType) -> Value:
    """An int8 constant in a type."""
    if dtype is DType.INT8:
        return stored
    assert stored.quantization is not None
    moved = constant((stored.array.astype(np.int16) + 128).astype(dtype.numpy), stored.name)
    moved.quantization = as_type(stored.quantization, dtype)
    return moved


def lowest(x: Value | None) -> Value:
    """The least number that a tensor like x has, as a constant like it."""
    assert x is not None
    stored = constant(np.array(np.iinfo(x.dtype.numpy).min, x.dtype.numpy))
    stored.quantization = x.quantization
    return stored


def weights(value: Value, axis: int, dtype: DType) -> Value | None:
    """Constant weights as int8 around zero, one scale for all or for each element of dimension `axis`; or as uint8
    around any number, one scale for all.

    None where they do not say on which grid they lie, where the scales go along another dimension, or the type does not
    reach as far. Around zero means that zero points of their own are taken off, exactly.
    """
    found = value.quantization
    if not value.is_const or found is None or value.dtype is not DType.FLOAT32:
        return None
    several = len(found.scale) > 1
    if several and (found.axis != axis or dtype is DType.UINT8):
        return None
    zero_point = _zero_point(found.zero_point[0]) if dtype is DType.UINT8 else 0
    shape = [-1 if i == axis else 1 for i in range(value.rank)] if several else ()
    numbers = np.rint(value.array / np.array(found.scale, np.float32).reshape(shape)) + zero_point
    limits = np.iinfo(dtype.numpy)
    if not _fits(numbers, limits.min, limits.max):
        return None
    stored = constant(numbers.astype(dtype.numpy), value.name)
    stored.quantization = Quantization(found.scale, (zero_point,) * len(found.scale), axis if several else 0)
    return stored


def _zero_point(given: int) -> int:
    """For uint8: the one of uint8 itself, or of int8, which lies around 0 and may be anything that is near it."""
    return given if given > 0 else given + 128


def bias(value: Value, x: Value, weights: Value) -> Value | None:
    """A constant bias as int32 in the steps of the products of x and weights; None where it is out of reach."""
    assert x.quantization is not None
    assert weights.quantization is not None
    if not value.is_const or value.dtype is not DType.FLOAT32:
        return None
    scales = np.float32(x.quantization.scale[0]) * np.array(weights.quantization.scale, np.float32)
    numbers = np.rint(value.array.astype(np.float64) / scales)
    if not _fits(numbers, _INT32.min, _INT32.max):
        return None
    stored = constant(numbers.astype(np.int32), value.name)
    stored.quantization = Quantization(tuple(scales.tolist()), (0,) * len(scales))
    return stored


def _moved(grid: Quantization, by: int) -> Quantization:
    return Quantization(grid.scale, tuple(z + by for z in grid.zero_point))


def _fits(numbers: Array, low: int, high: int) -> bool:
    return bool(np.isfinite(numbers).all()) and numbers.min(initial=0) >= low and numbers.max(initial=0) <= high
