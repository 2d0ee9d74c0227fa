"""The grids that quantised numbers lie on, and constants put onto them."""

from __future__ import annotations

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
    if value.quantization is None and value.type.size == 1:
        number = float(value.array.reshape(()))
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


def lowest(x: Value | None) -> Value:
    """The least number that a tensor like x has, as a constant like it."""
    assert x is not None
    stored = constant(np.array(_INT8.min, np.int8))
    stored.quantization = x.quantization
    return stored


def weights(value: Value, axis: int) -> Value | None:
    """Constant weights as int8 around zero, one scale for all or for each element of dimension `axis`.

    Zero points of their own are taken off, exactly; None where int8 does not reach as far from them, where the scales
    go along another dimension, or there are none.
    """
    found = value.quantization
    if not value.is_const or found is None or value.dtype is not DType.FLOAT32:
        return None
    if len(found.scale) > 1 and found.axis != axis:
        return None
    scales = _along(found.scale, axis, value.rank)
    numbers = np.rint(value.array / scales)
    if not _fits(numbers, _INT8.min, _INT8.max):
        return None
    stored = constant(numbers.astype(np.int8), value.name)
    stored.quantization = Quantization(found.scale, (0,) * len(found.scale), axis if len(found.scale) > 1 else 0)
    return stored


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


def _along(scale: tuple[float, ...], axis: int, rank: int) -> Array:
    shape = [-1 if i == axis else 1 for i in range(rank)] if len(scale) > 1 else ()
    return np.array(scale, np.float32).reshape(shape)


def _fits(numbers: Array, low: int, high: int) -> bool:
    return bool(np.isfinite(numbers).all()) and numbers.min(initial=0) >= low and numbers.max(initial=0) <= high
