"""Into quantised numbers and out of them, and what only moves them.

Quantised tensors (8 bits, one scale that is known) come of QUANTIZE and go into DEQUANTIZE; what stands between is
written on real numbers, and made one quantised operator by a pass. Other types, and scales that are only known when the
model runs or differ along a tensor, are computed with as the standard has it, in floats.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

import numpy as np

from liteport.errors import InputError, UnsupportedError
from liteport.frontends.onnx.context import FEW, Lowering, OnnxBuilder, Table
from liteport.frontends.onnx.ops._common import MICROSOFT
from liteport.frontends.onnx.ops.create import FEW_BITS, carried_type
from liteport.ir import ops
from liteport.ir.graph import Value, constant
from liteport.ir.types import DType, Quantization
from liteport.lowering import basic, grids
from liteport.lowering.formula import Term, emit, maximum, minimum
from liteport.lowering.operands import axis as from_front
from liteport.lowering.operands import convert

STORED = (DType.INT8, DType.UINT8)
_SMALLEST = float(np.finfo(np.float32).tiny)  # of scales: kernels divide by them, some stop the program on less

# Operators that move or choose elements of their first operand.
MOVES = (
    *("DepthToSpace", "Expand", "Flatten", "Gather", "GatherElements", "GatherND", "GlobalMaxPool", "MaxPool", "Pad"),
    *("ReduceMax", "ReduceMin", "Reshape", "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose"),
    *("Unsqueeze", "Upsample", "Resize"),
)


def quantize_linear(
    b: OnnxBuilder,
    x: Value,
    scale: Value,
    zero_point: Value | None = None,
    *,
    axis: int = 1,
    block_size: int = 0,
    output_dtype: int = 0,
    precision: int = 0,
    saturate: int = 1,
) -> Value:
    """QuantizeLinear(x, y_scale, y_zero_point=0, axis=1, block_size=0, output_dtype, precision, saturate=1)

    round(x / y_scale) + y_zero_point, as uint8 unless the zero point or `output_dtype` says.
    """
    dtype = zero_point.dtype if zero_point else carried_type(output_dtype) if output_dtype else DType.UINT8
    element = output_dtype if zero_point is None else zero_point.extra.get(FEW, 0)
    stored = _quantization(scale, zero_point)
    if stored is not None and dtype in STORED and element not in FEW_BITS and not x.is_const:
        return grids.quantized(b, convert(b, x, DType.FLOAT32), dtype, stored)
    by = Term(b, _spread(b, scale, x, axis, block_size))
    steps = emit(ops.Round(), Term(b, convert(b, x, DType.FLOAT32)) / by)
    if zero_point is not None:
        steps = steps + Term(b, convert(b, _spread(b, zero_point, x, axis, block_size), DType.FLOAT32))
    least, count = FEW_BITS.get(element, (np.iinfo(dtype.numpy).min, 1 << dtype.bits))
    return convert(b, minimum(maximum(steps, float(least)), float(least + count - 1)).value, dtype)


def dequantize_linear(
    b: OnnxBuilder,
    x: Value,
    scale: Value,
    zero_point: Value | None = None,
    *,
    axis: int = 1,
    block_size: int = 0,
    output_dtype: int = 0,
) -> Value:
    """DequantizeLinear(x, x_scale, x_zero_point=0, axis=1, block_size=0, output_dtype): (x - zero point) * scale"""
    if x.is_const and not block_size:
        known = _known(b, x, scale, zero_point, axis)
        if known is not None:
            return known
    stored = _quantization(scale, zero_point)
    if stored is not None and x.dtype in STORED and _is_stored_so(b, x, stored):
        return dequantized(b, x)
    by = Term(b, _spread(b, scale, x, axis, block_size))
    if zero_point is None:
        return (Term(b, convert(b, x, DType.FLOAT32)) * by).value
    start = _spread(b, zero_point, x, axis, block_size)
    steps = emit(ops.Sub(), *(Term(b, convert(b, v, DType.INT32)) for v in (x, start)))
    return (steps.cast(DType.FLOAT32) * by).value


def dequantized(b: OnnxBuilder, x: Value) -> Value:
    """Quantised numbers as the real ones that they stand for."""
    return b.emit(ops.Dequantize(), x)


def _quantization(scale: Value, zero_point: Value | None) -> Quantization | None:
    """One scale and zero point for a whole tensor, where they are known."""
    if scale.data is None or scale.type.size != 1 or (zero_point is not None and zero_point.data is None):
        return None
    step = float(scale.data.reshape(()))
    if not _SMALLEST <= step < np.inf:
        raise InputError(f"a scale of {step:.3g}, where a positive number that float32 has all its digits for is due")
    return Quantization((step,), (_first(zero_point),))


def _first(zero_point: Value | None) -> int:
    return 0 if zero_point is None else int(zero_point.array.reshape(-1)[0])


def _is_stored_so(b: OnnxBuilder, x: Value, stored: Quantization) -> bool:
    """Whether the tensor has this scale; an input of the model, or rows of a constant, of which nothing is known yet,
    take it."""
    if x.quantization is not None:
        return x.quantization == stored
    rows = x.producer if x.producer is not None and isinstance(x.producer.operator, ops.Gather) else None
    if rows is not None and _is_table(rows.input) and not rows.operand(1).is_const:
        table = constant(rows.input.array, rows.input.name)
        table.quantization = x.quantization = stored
        b.graph.set_input(rows, 0, table)
    elif any(x is given for given in b.graph.inputs) and b.graph.signature is not None:
        x.quantization = stored
    return x.quantization == stored


def _is_table(value: Value) -> bool:
    return value.is_const and value.quantization is None


def _known(b: OnnxBuilder, x: Value, scale: Value, zero_point: Value | None, along: int) -> Value | None:
    """Constants as real numbers, which say on which grid they lie."""
    if scale.data is None or (zero_point is not None and zero_point.data is None):
        return None
    steps = scale.array.reshape(-1)
    starts = np.zeros(1, np.int64) if zero_point is None else zero_point.array.reshape(-1)
    at = from_front(along, x.rank) if steps.size > 1 else 0
    stored = Quantization(tuple(steps.tolist()), tuple(np.broadcast_to(starts, steps.shape).tolist()), at)
    return grids.real(b, x.array, stored, x.name)


def _spread(b: OnnxBuilder, parameter: Value, x: Value, along: int, block: int) -> Value:
    """Scales or zero points in the place of the elements of x that they are for."""
    if parameter.type.size == 1:
        return basic.reshape(b, parameter, ())
    at = from_front(along, x.rank)
    if parameter.rank == 1 and not block:
        return basic.reshape(b, parameter, grids.spread(x.shape[at], at, x.rank))
    if parameter.rank != x.rank:
        raise UnsupportedError(f"scales {parameter.type} for {x.type}")
    size = parameter.shape[at]
    if not block or size == x.shape[at]:
        return parameter
    apart = basic.unsqueeze(b, parameter, at + 1)
    whole = basic.broadcast_to(b, apart, (*apart.shape[: at + 1], block, *apart.shape[at + 2 :]))
    blocks = basic.reshape(b, whole, (*parameter.shape[:at], size * block, *parameter.shape[at + 1 :]))
    return basic.narrow(b, blocks, at, 0, x.shape[at])


def as_stored(lowering: Lowering) -> Lowering:
    """The lowering of a movement, which leaves quantised numbers with the scale that they have."""

    @wraps(lowering)
    def on_real_numbers(b: OnnxBuilder, x: Value, *others: Value | None, **attributes: Any) -> Any:
        stored = x.quantization
        if stored is None or x.dtype not in STORED or x.is_const:
            return lowering(b, x, *others, **attributes)
        alike = [v and _padding(b, v, x) for v in others]
        found = lowering(b, dequantized(b, x), *alike, **attributes)
        results = list(found) if isinstance(found, list | tuple) else [found]
        return [grids.quantized(b, y, x.dtype, stored) if y.dtype.is_float else y for y in results]

    return on_real_numbers


def _padding(b: OnnxBuilder, value: Value, x: Value) -> Value:
    """An operand of x's own type, the number to pad with, as x has it; others (axes, sizes) as they are."""
    if value.dtype is not x.dtype or x.quantization is None:
        return value
    (scale,), (zero_point,) = x.quantization.scale, x.quantization.zero_point
    return ((Term(b, convert(b, value, DType.FLOAT32)) - float(zero_point)) * scale).value


LOWERINGS: Table = {
    ("", "QuantizeLinear"): quantize_linear,
    ("", "DequantizeLinear"): dequantize_linear,
    (MICROSOFT, "QuantizeLinear"): quantize_linear,
    (MICROSOFT, "DequantizeLinear"): dequantize_linear,
}
