"""Integers of 64 bits, and powers of integers, whose kernels are not exact: written out for legalize."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Operator
from liteport.ir.types import DType
from liteport.lowering import long
from liteport.lowering.formula import Term

_EXACT: Mapping[type[Operator], Callable[..., Term]] = {
    ops.Abs: long.absolute,
    ops.Sign: long.sign,
    ops.FloorDiv: long.floor_divide,
    ops.Div: long.divide,
    ops.Pow: long.power,
    ops.BitwiseXor: long.xor,
    ops.RightShift: long.shift_right,
    ops.SquaredDifference: long.squared_difference,
}
# Their results are larger than their operands.
_GROWING = (ops.Pow, ops.SquaredDifference)
_MOVING = (ops.Reshape, ops.Transpose, ops.Slice, ops.StridedSlice, ops.BroadcastTo, ops.Tile)
_LOW, _HIGH = -(1 << 31), (1 << 31) - 1


def write_wide(graph: Graph) -> bool:
    """floor_div(x: int64, y)   =>   exact arithmetic, unless both are known to fit into 32 bits

    POW of int32 is one of floats: it is written out where the exponent is computed.
    """
    found = [op for op in graph.find(*_EXACT) if _is_inexact(op)]
    for op in found:
        b = Builder(graph, op)
        operands = [Term(b, v) for v in op.inputs if v is not None]
        graph.replace(op, _EXACT[type(op.operator)](*operands).value)
    return bool(found)


def _is_inexact(op: Op) -> bool:
    if isinstance(op.operator, ops.Pow):
        return op.output.dtype in (DType.INT32, DType.INT64)
    if op.output.dtype is not DType.INT64:
        return False
    return isinstance(op.operator, _GROWING) or not all(_fits(v) for v in op.inputs if v is not None)


def _fits(x: Value) -> bool:
    """Whether all numbers of x are known to fit into 32 bits."""
    if x.data is not None:
        return x.has_sizes or x.data.size == 0 or bool(np.min(x.data) >= _LOW and np.max(x.data) <= _HIGH)
    if x.producer is None:
        return False
    maker = x.producer.operator
    if isinstance(maker, ops.Cast):
        return x.producer.input.dtype.is_int and x.producer.input.dtype.bits <= 32
    if isinstance(maker, ops.FloorMod):
        return _fits(x.producer.operand(1))
    if isinstance(maker, ops.Shape | ops.ArgMax | ops.ArgMin):
        return True
    return isinstance(maker, _MOVING) and _fits(x.producer.operand(0))
