"""fuse_factor: a number that multiplies moves up into constants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.graph import Graph, Op, Value, constant
from liteport.ir.ops.base import Activation, Operator
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array, DType, Shape
from liteport.passes.base import Pass
from liteport.passes.weights import WEIGHTED, WEIGHTS

# A sum is not scaled by more than this, so that it stays in range.
_FACTORS = 1e-4, 1e4


@dataclass(frozen=True)
class FuseFactor(Pass):
    """transpose(reshape(linear(x, w, b))) * 0.125   =>   transpose(reshape(linear(x, w * 0.125, b * 0.125)))

    Attention's scale of queries, mostly. The number passes movements, sums, one operand of a product, and one
    part of a split, where only the channels of that part are scaled; all on the way must be used here alone.

    linear(y * 0.2 + conv(x, v), w)   =>   linear(y + conv(x, v / 0.2), w * 0.2)

    linear(x * (y * 0.2), w)   =>   linear(x * y, w * 0.2)

    Where it cannot move up, and what it multiplies is a term of a sum, it may move down past the other term; and
    where it is part of a product, such as a hard sigmoid's sixth in a gate, past the other part.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in graph.find(ops.Mul, ops.Div):
            found = _factor(op)
            if found is None:
                continue
            value, factor = found
            plan = _Plan(graph, np.full((1,) * value.rank, factor), value)
            below = _below(graph, op) if plan.why else None
            if plan.why and (below is None or not _move_down(graph, below, factor)):
                self.decline(op, plan.why)
                continue
            if not plan.why:
                plan.apply()
            graph.replace(op, value)
            changed = True
        return changed


def _factor(op: Op) -> tuple[Value, float] | None:
    """The value that an operation multiplies by a number, and the number."""
    left, right = op.operand(0), op.operand(1)
    value, const = (right, left) if left.is_const and isinstance(op.operator, ops.Mul) else (left, right)
    if value.is_const or not const.is_const or const.has_sizes or const.type.size != 1 or value.type != op.output.type:
        return None
    arithmetic: Any = op.operator
    plain = value.dtype is DType.FLOAT32 and value.quantization is None and const.quantization is None
    if not plain or arithmetic.activation is not Activation.NONE:
        return None
    number = float(const.array.reshape(-1)[0])
    if isinstance(op.operator, ops.Div):
        return (value, 1 / number) if number else None
    return value, number


@dataclass(frozen=True)
class _Below:
    """The other term of the sum that a product goes into, and the kernel that takes the sum; None for the other term
    where it is a product again, which is scaled with any part of it."""

    other: Value | None
    kernel: Op


def _below(graph: Graph, op: Op) -> _Below | None:
    """What is below a product that is a term of a sum, or part of another; None where no kernel with weights is."""
    total = graph.sole_user(op.output)
    if total is None or total.operator not in (ops.Add(), ops.Sub(), ops.Mul()):
        return None
    left, right = total.operand(0), total.operand(1)
    below: Op | None = total
    while below is not None and (below is total or isinstance(below.operator, ops.Reshape | ops.Transpose)):
        value = below.output
        below = graph.sole_user(value)
    spot = WEIGHTED.get(type(below.operator)) if below is not None else None
    if below is None or spot is None or below.operand(spot.data) is not value:
        return None
    weights = below.operand(WEIGHTS)
    plain = weights.is_const and weights.dtype is DType.FLOAT32 and weights.quantization is None
    other = None if isinstance(total.operator, ops.Mul) else right if left is op.output else left
    return _Below(other, below) if plain else None


def _move_down(graph: Graph, below: _Below, factor: float) -> bool:
    """Takes a factor into the kernel, and out of the other term; False where that does not let it."""
    if not _FACTORS[0] <= abs(factor) <= _FACTORS[1]:
        return False
    if (other := below.other) is not None:
        undo = _Plan(graph, np.full((1,) * other.rank, 1 / factor), other)
        if undo.why:
            return False
        undo.apply()
    weights = below.kernel.operand(WEIGHTS)
    scaled = (weights.array * np.float64(factor)).astype(np.float32)
    graph.set_input(below.kernel, WEIGHTS, constant(scaled, weights.name))
    return True


class _Plan:
    """Which constants to scale so that `value` comes out times `scale`, an array of its rank that broadcasts to it.

    `why` says why it cannot be; empty where it can.
    """

    def __init__(self, graph: Graph, scale: Array, value: Value) -> None:
        self.graph = graph
        self.steps: list[tuple[Op, int, Array]] = []  # (operation, operand, scale that broadcasts to it)
        self.why = self._want(scale, value)

    def apply(self) -> None:
        for op, index, scale in self.steps:
            old = op.operand(index)
            scaled = (old.array * scale.astype(np.float64)).astype(np.float32)
            self.graph.set_input(op, index, constant(scaled.reshape(old.shape), old.name))

    def _want(self, scale: Array, value: Value) -> str:
        op = value.producer
        if op is None:
            return "a value that no operation makes stands in the way"
        if len(value.uses) + self.graph.is_output(value) > 1:
            return f"the result of {op.name} has {len(value.uses) + self.graph.is_output(value)} uses"
        if value.quantization is not None or getattr(op.operator, "activation", Activation.NONE) is not Activation.NONE:
            return f"{op.name} is quantised or has an activation"
        if type(op.operator) in WEIGHTED:
            return self._weights(scale, op)
        step = _STEPS.get(type(op.operator))
        return step(self, scale, op, value) if step else f"{op.name} does not let a number pass"

    def _weights(self, scale: Array, op: Op) -> str:
        spot = WEIGHTED[type(op.operator)]
        operands = [(i, v) for i in (WEIGHTS, spot.bias) if (v := op.optional(i)) is not None]
        if not all(v.is_const and v.dtype is DType.FLOAT32 and v.quantization is None for _, v in operands):
            return "its weights are not float constants"
        if scale.size != scale.shape[-1]:
            return "the number differs from row to row"
        for index, v in operands:
            axis = 0 if index == spot.bias else spot.out_axis
            self.steps.append((op, index, scale.reshape([-1 if i == axis else 1 for i in range(v.rank)])))
        return ""

    def _operand(self, scale: Array, op: Op, index: int) -> str:
        """One operand of an elementwise operation times `scale`."""
        x = op.operand(index)
        if scale.size > 1 and (x.is_const or x.shape != op.output.shape):
            return "the number differs from part to part"
        if not x.is_const:
            return self._want(scale if scale.size > 1 else scale.reshape((1,) * x.rank), x)
        if x.dtype is not DType.FLOAT32 or x.quantization is not None:
            return "a constant is quantised"
        self.steps.append((op, index, scale.reshape((1,) * x.rank)))
        return ""

    def _sum(self, scale: Array, op: Op, value: Value) -> str:
        return self._operand(scale, op, 0) or self._operand(scale, op, 1)

    def _product(self, scale: Array, op: Op, value: Value) -> str:
        constant_at = 0 if op.operand(0).is_const else 1
        return self._either(scale, op, constant_at, 1 - constant_at)

    def _matmul(self, scale: Array, op: Op, value: Value) -> str:
        return self._either(scale, op, 0, 1)

    def _either(self, scale: Array, op: Op, *candidates: int) -> str:
        """The first of these operands that can be scaled; why the first cannot, where none can."""
        reasons = []
        for index in candidates:
            marked = len(self.steps)
            if not (why := self._operand(scale, op, index)):
                return ""
            del self.steps[marked:]
            reasons.append(why)
        return reasons[0]

    def _parts(self, scale: Array, op: Op, value: Value) -> str:
        """Every operand of a concatenation."""
        return next((why for i in range(len(op.inputs)) if (why := self._operand(scale, op, i))), "")

    def _first(self, scale: Array, op: Op, value: Value) -> str:
        return self._operand(scale, op, 0)

    def _slice(self, scale: Array, op: Op, value: Value) -> str:
        return self._first(scale, op, value) if scale.size == 1 else "the number differs from part to part"

    def _transpose(self, scale: Array, op: Op, value: Value) -> str:
        if not op.operand(1).is_const:
            return "the order is not constant"
        return self._want(scale.transpose(np.argsort(op.operand(1).array)), op.input)

    def _reshape(self, scale: Array, op: Op, value: Value) -> str:
        before = _before_reshape(scale, value.shape, op.input.shape)
        return self._want(before, op.input) if before is not None else "the parts do not survive a reshape"

    def _split(self, scale: Array, op: Op, value: Value) -> str:
        x, axis = op.operand(1), op.operand(0)
        at = int(axis.array.reshape(-1)[0]) % x.rank if axis.is_const else 0
        if not axis.is_const or not is_fixed((x.shape[at],)):
            return "the axis, or the length of its parts, is not constant"
        parts = [scale if out is value else np.ones_like(scale) for out in op.outputs]
        wide = [np.repeat(part, value.shape[at] // part.shape[at], axis=at) for part in parts]
        return self._want(np.concatenate(wide, axis=at), x)


_STEPS: dict[type[Operator], Callable[[_Plan, Array, Op, Value], str]] = {
    ops.Add: _Plan._sum,
    ops.Sub: _Plan._sum,
    ops.Mul: _Plan._product,
    ops.Neg: _Plan._first,
    ops.BatchMatmul: _Plan._matmul,
    ops.Pad: _Plan._first,
    ops.Concatenation: _Plan._parts,
    ops.Slice: _Plan._slice,
    ops.Transpose: _Plan._transpose,
    ops.Reshape: _Plan._reshape,
    ops.Split: _Plan._split,
}


def _before_reshape(scale: Array, shape: Shape, source: Shape) -> Array | None:
    """The scale of a reshape's source for `scale` of its result, which varies within the source's last dimension."""
    if scale.size == 1:
        return scale.reshape((1,) * len(source))
    lead = len(shape)
    while lead and prod(shape[lead:]) != source[-1]:
        lead -= 1
    if prod(shape[lead:]) != source[-1] or not is_fixed(shape[lead:]) or prod(scale.shape[:lead]) != 1:
        return None
    channels = np.broadcast_to(scale.reshape(scale.shape[lead:]), shape[lead:])
    return channels.reshape((1,) * (len(source) - 1) + (-1,))
