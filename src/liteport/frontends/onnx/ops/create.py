"""Tensors out of nothing, or out of the sizes of others; casts."""

from __future__ import annotations

from math import prod

import numpy as np
from onnx import TensorProto

from liteport.errors import UnsupportedError
from liteport.frontends.onnx.context import DTYPES, FEW, OnnxBuilder, Table, checked, known
from liteport.frontends.onnx.ops._common import MICROSOFT
from liteport.frontends.onnx.tensors import type_name
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array, DType, TensorType
from liteport.lowering import basic, diagonal
from liteport.lowering.formula import Term, emit
from liteport.lowering.operands import convert, wide

# Integers of 2 and 4 bits, carried in 8: the smallest, and how many there are.
FEW_BITS = {
    TensorProto.INT4: (-8, 16),
    TensorProto.UINT4: (0, 16),
    TensorProto.INT2: (-2, 4),
    TensorProto.UINT2: (0, 4),
}

# Constants of one number beyond this many bytes are filled in at run time.
_LARGE = 1 << 16

# Types that liteport carries as float32.
_WIDENED = frozenset({TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE})


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
    hint = b.hint(0) if shape.data is None else None
    sizes = hint.shape if hint else tuple(known(shape, "sizes").reshape(-1).tolist())
    kind = checked(TensorType(DType.of(number), sizes))
    if is_fixed(sizes) and kind.nbytes > _LARGE:
        return b.emit(ops.Fill(), basic.ints(b, sizes), basic.scalar(b, number.reshape(-1)[0].item(), kind.dtype))
    return basic.filled(b, kind, number.reshape(-1)[0].item())


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
    """Range(start, limit, delta); a computed one has the length that shape inference finds, or a length of its own."""
    if start.data is None or limit.data is None or delta.data is None:
        return _computed_range(b, start, limit, delta)
    first, end, step = (v.array.reshape(()).item() for v in (start, limit, delta))
    if is_fixed((first, end, step)):
        checked(TensorType(start.dtype, (max(int((end - first) / step), 0),)))
        return b.const(np.arange(first, end, step).astype(start.dtype.numpy))
    count = (end - first + step - (1 if step > 0 else -1)) // step
    line = Term(b, basic.ramp(b, count, start.dtype))
    return (line * step + first).value


def _computed_range(b: OnnxBuilder, start: Value, limit: Value, delta: Value) -> Value:
    hint = b.hint(0)
    length = hint.shape if hint else (b.open_size(),)
    bounds = (basic.reshape(b, convert(b, v, wide(v.dtype)), ()) for v in (start, limit, delta))
    (numbers,) = b.emit_many(ops.Range(), *bounds, types=(TensorType(wide(start.dtype), length),))
    return convert(b, numbers, start.dtype)


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
    if to not in FEW_BITS:
        return convert(b, x, carried_type(to))
    low, count = FEW_BITS[to]
    whole = Term(b, convert(b, x, DType.INT32))
    return convert(b, (emit(ops.FloorMod(), whole - low, count) + low).value, carried_type(to))


def cast_like(b: OnnxBuilder, x: Value, like: Value, *, saturate: int = 1, round_mode: str = "up") -> Value:
    """CastLike(input, target_type)"""
    few = like.extra.get(FEW)
    return convert(b, x, like.dtype) if few is None else cast(b, x, to=few)


def bit_cast(b: OnnxBuilder, x: Value, *, to: int) -> Value:
    """BitCast(input, to): between types that are carried as they are."""
    kind = carried_type(to)
    if to in _WIDENED or kind.bits != x.dtype.bits:
        raise UnsupportedError(f"the bits of {x.type} as {type_name(to)}: liteport computes in float32")
    return x if kind is x.dtype else b.emit(ops.Bitcast(to=kind), x)


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
    (MICROSOFT, "Trilu"): trilu,
    ("", "Cast"): cast,
    ("", "CastLike"): cast_like,
    ("", "BitCast"): bit_cast,
}
