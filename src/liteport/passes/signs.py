"""Which values are never negative, whatever the inputs are."""

from __future__ import annotations

from liteport.ir import ops
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Activation

_NOT_NEGATIVE = (
    *(ops.Relu, ops.Relu6, ops.Relu0To1, ops.Abs, ops.Square, ops.Sqrt, ops.Exp, ops.Logistic, ops.Softmax),
)
# Of operands that are not negative, neither are the results.
_KEEPS_SIGN = (
    *(ops.Add, ops.Mul, ops.Div, ops.FullyConnected, ops.Conv2D, ops.DepthwiseConv2D, ops.Mean, ops.Sum),
    *(ops.AveragePool2D, ops.MaxPool2D, ops.Concatenation, ops.Pad, ops.Reshape, ops.Transpose, ops.Slice),
)


def not_negative(graph: Graph, value: Value) -> tuple[Op, ...] | None:
    """The operations, in order, that show that `value` is never negative; None where nothing does."""
    shown: set[int] = set()
    unknown = [value]
    while unknown:
        value = unknown.pop()
        op = value.producer
        if value.is_const:
            if value.has_sizes or not (value.array >= 0).all():
                return None
        elif op is None or not (_clamps(op) or _keeps_sign(op)):
            return None
        elif id(op) not in shown:
            shown.add(id(op))
            unknown += [] if _clamps(op) else [v for v in op.inputs if v is not None and v.dtype.is_float]
    return tuple(op for op in graph.ops if id(op) in shown)


def _keeps_sign(op: Op) -> bool:
    return isinstance(op.operator, _KEEPS_SIGN) and op.output.dtype.is_float


def _clamps(op: Op) -> bool:
    """Whether its results are not negative, whatever it takes."""
    is_square = isinstance(op.operator, ops.Mul) and op.input is op.operand(1)
    is_clamped = getattr(op.operator, "activation", None) in (Activation.RELU, Activation.RELU6)
    return is_square or is_clamped or isinstance(op.operator, _NOT_NEGATIVE)
