"""Tensors out of nothing, or out of the sizes of others; casts."""

from __future__ import annotations

from math import prod

import numpy as np

from liteport.errors import UnsupportedError
from liteport.frontends.onnx.context import DTYPES, OnnxBuilder, Table, known
from liteport.frontends.onnx.tensors import type_name
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array, DType, TensorType
from liteport.lowering import basic, diagonal
from liteport.lowering.operands import convert


def constant(
    b: OnnxBuilder,
    *,
    value: Array | None = None,
    value_float: float | None = None,
    value_floats: list[float] | None = None,
    value_int: int | None = None,
    value_ints: list[int] | None = None,
) -> Value:
    """Constant(value, value_float, value_floats, value_int, value_ints)"""
    if value is not None:
        return b.const(value)
    for numbers, dtype in ((value_float, np.float32), (value_floats, np.float32), (value_int, np.int64)):
        if numbers is not None:
            return b.const(np.array(numbers, dtype))
    return b.const(np.array(value_ints or [], np.int64))


def constant_of_shape(b: OnnxBuilder, shape: Value, *, value: Array | None = None) -> Value:
    """ConstantOfShape(input, value=0)"""
    number = np.zeros(1, np.float32) if value is None else value
    sizes = tuple(known(shape, "sizes").reshape(-1).tolist())
    return basic.filled(b, TensorType(DType.of(number), sizes), number.reshape(-1)[0].item())


def shape(b: OnnxBuilder, x: Value, *, start: int = 0, end: int | None = None) -> Value:
    """Shape(data, start=0, end)"""
    return _int64(b, list(x.shape[slice(start, end)]))


def size(b: OnnxBuilder, x: Value) -> Value:
    """Size(data)"""
    return _int64(b, prod(x.shape))


def _int64(b: OnnxBuilder, sizes: object) -> Value:
    """A constant of numbers, Sizes among them or not."""
    array = np.array(sizes, object)
    return b.const(array.astype(np.int64) if is_fixed(array.reshape(-1)) else array, DType.INT64)


def range_(b: OnnxBuilder, start: Value, limit: Value, delta: Value) -> Value:
    """Range(start, limit, delta)"""
    first, end, step = (known(v, "bounds").reshape(()).item() for v in (start, limit, delta))
    if step != 1:
        raise UnsupportedError("a range of open length with steps other than 1")
    return basic.ramp(b, end - first, start.dtype, first)


def eye_like(b: OnnxBuilder, x: Value, *, dtype: int | None = None, k: int = 0) -> Value:
    """EyeLike(input, dtype, k=0)"""
    kind = x.dtype if dtype is None else carried_type(dtype)
    rows, columns = x.shape
    return b.const(np.eye(rows, columns, k, dtype=kind.numpy))


def trilu(b: OnnxBuilder, x: Value, k: Value | None = None, *, upper: int = 1) -> Value:
    """Trilu(input, k=0, upper=1)"""
    offset = 0 if k is None else int(known(k, "a diagonal").reshape(-1)[0])
    mask = diagonal.triangle(b, x.shape[-2:], offset, lower=not upper)
    if x.dtype is DType.BOOL:
        return b.emit(ops.LogicalAnd(), x, mask)
    return b.emit(ops.SelectV2(), mask, x, basic.scalar(b, 0, x))


def cast(b: OnnxBuilder, x: Value, *, to: int, saturate: int = 1, round_mode: str = "up") -> Value:
    """Cast(input, to)"""
    return convert(b, x, carried_type(to))


def cast_like(b: OnnxBuilder, x: Value, like: Value, *, saturate: int = 1, round_mode: str = "up") -> Value:
    """CastLike(input, target_type)"""
    return convert(b, x, like.dtype)


def carried_type(to: int) -> DType:
    """The type as which liteport carries ONNX's number `to`. Raises UnsupportedError."""
    if to not in DTYPES:
        raise UnsupportedError(f"values of type {type_name(to)}")
    return DTYPES[to]


LOWERINGS: Table = {
    ("", "Constant"): constant,
    ("", "ConstantOfShape"): constant_of_shape,
    ("", "Shape"): shape,
    ("", "Size"): size,
    ("", "Range"): range_,
    ("", "EyeLike"): eye_like,
    ("", "Trilu"): trilu,
    ("", "Cast"): cast,
    ("", "CastLike"): cast_like,
}
