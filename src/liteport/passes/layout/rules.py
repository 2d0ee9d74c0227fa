"""How each kind of operator runs when its values are stored in another order.

A rule relates the order of an operator's result to the orders of its operands, and writes the
operator for given orders. An operator without a rule takes and gives its values as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Op, Value
from liteport.ir.ops.base import Elementwise, Reduction
from liteport.ir.types import Shape
from liteport.lowering.basic import reshape
from liteport.passes.layout.orders import Order, carries, carry, compose, identity, insert, invert, permuted, restrict

Inputs = Sequence[Value | None]


class Rule:
    """The default: operand 0 and every result have the same dimensions, in the same order."""

    data: tuple[int, ...] | None = (0,)  # the operands that carry the layout; None: all of them

    def applies(self, op: Op) -> bool:
        """Whether this very operation can run in other orders."""
        return all(v is None or v.is_const for i, v in enumerate(op.inputs) if not self.carries(i))

    def carries(self, index: int) -> bool:
        return self.data is None or index in self.data

    def operand(self, op: Op, index: int, order: Order) -> Order | None:
        """The order in which operand `index` is wanted for a result in `order`; None: impossible."""
        return order

    def result(self, op: Op, index: int, order: Order) -> Order | None:
        """The order of the result to which operand `index` in `order` leads; None: it does not say."""
        return order

    def accepts(self, op: Op, index: int, have: Order, order: Order) -> bool:
        """Whether operand `index` stored as `have` serves for a result in `order`."""
        return self.operand(op, index, order) == have

    def emit(self, b: Builder, op: Op, inputs: Inputs, order: Order, stored: Order) -> Sequence[Value]:
        """The operation on `inputs`, the first that carries layout `stored` so, for results in `order`."""
        return b.emit_many(op.operator, *inputs)


class ElementwiseRule(Rule):
    """Operands may be of lower rank: they are lined up with the result's last dimensions."""

    data = None

    def operand(self, op: Op, index: int, order: Order) -> Order | None:
        x = op.operand(index)
        return restrict(order, range(op.output.rank - x.rank, op.output.rank))

    def result(self, op: Op, index: int, order: Order) -> Order | None:
        return order if len(order) == op.output.rank else None

    def accepts(self, op: Op, index: int, have: Order, order: Order) -> bool:
        return op.operand(index).type.size == 1 or super().accepts(op, index, have, order)

    def emit(self, b: Builder, op: Op, inputs: Inputs, order: Order, stored: Order) -> Sequence[Value]:
        aligned = [self._align(b, op, i, v, order) if v else None for i, v in enumerate(inputs)]
        return b.emit_many(op.operator, *aligned)

    def _align(self, b: Builder, op: Op, index: int, x: Value, order: Order) -> Value:
        """Gives an operand of lower rank the dimensions of size 1 that it needs in the new order."""
        original = op.operand(index).shape
        if x.type.size == 1 or len(original) == len(order):
            return x
        full = (1,) * (len(order) - len(original)) + original
        shape = permuted(full, order)
        while shape and shape[0] == 1 and len(shape) > x.rank:
            shape = shape[1:]
        return x if shape == x.shape else reshape(b, x, shape)


class LastAxisRule(Rule):
    """Softmax and its kin work along the last dimension, whichever order the others have."""

    def operand(self, op: Op, index: int, order: Order) -> Order | None:
        return order if order[-1] == len(order) - 1 else None

    def result(self, op: Op, index: int, order: Order) -> Order | None:
        return self.operand(op, index, order)


class LinearRule(LastAxisRule):
    """FULLY_CONNECTED that keeps the leading dimensions apart."""

    def applies(self, op: Op) -> bool:
        operator = op.operator
        assert isinstance(operator, ops.FullyConnected)
        return operator.keep_num_dims and super().applies(op)


class ConcatRule(Rule):
    """Every operand in the result's order."""

    data = None

    def emit(self, b: Builder, op: Op, inputs: Inputs, order: Order, stored: Order) -> Sequence[Value]:
        assert isinstance(op.operator, ops.Concatenation)
        axis = op.operator.axis % op.output.rank
        return b.emit_many(replace(op.operator, axis=order.index(axis)), *inputs)


class AxisOperandRule(Rule):
    """Operators whose axes stand in a constant operand: SPLIT, REVERSE_V2, CUMSUM."""

    def __init__(self, axis_at: int, data_at: int = 0) -> None:
        self.axis_at = axis_at
        self.data = (data_at,)

    def emit(self, b: Builder, op: Op, inputs: Inputs, order: Order, stored: Order) -> Sequence[Value]:
        axes = op.operand(self.axis_at)
        moved = [order.index(int(a) % len(order)) for a in axes.array.reshape(-1)]
        new = list(inputs)
        new[self.axis_at] = b.const(np.asarray(moved, axes.array.dtype).reshape(axes.shape))
        return b.emit_many(op.operator, *new)


class PerAxisRule(Rule):
    """Operators with one row per dimension in constant operands: PAD, SLICE, TILE."""

    def __init__(self, *rows_at: int) -> None:
        self.rows_at = rows_at

    def applies(self, op: Op) -> bool:
        return super().applies(op) and op.input.rank == op.output.rank

    def emit(self, b: Builder, op: Op, inputs: Inputs, order: Order, stored: Order) -> Sequence[Value]:
        new = list(inputs)
        for at in self.rows_at:
            new[at] = b.const(op.operand(at).array[list(order)])
        return b.emit_many(op.operator, *new)


class StridedSliceRule(PerAxisRule):
    """Like SLICE, with bit masks over the dimensions too; none may be added or dropped."""

    def applies(self, op: Op) -> bool:
        s: Any = op.operator
        return super().applies(op) and not (s.ellipsis_mask or s.new_axis_mask or s.shrink_axis_mask)

    def emit(self, b: Builder, op: Op, inputs: Inputs, order: Order, stored: Order) -> Sequence[Value]:
        s: Any = op.operator
        moved = replace(s, begin_mask=_move_bits(s.begin_mask, order), end_mask=_move_bits(s.end_mask, order))
        changed = Op(moved, op.inputs, op.outputs)
        return super().emit(b, changed, inputs, order, stored)


class GatherRule(Rule):
    """GATHER along one dimension: by a vector of indices, or by a constant table of them, whose dimensions stand in
    place of the one that is gathered from and may change places."""

    def applies(self, op: Op) -> bool:
        g: Any = op.operator
        indices = op.operand(1)
        return g.batch_dims == 0 and (indices.rank == 1 or (indices.rank > 1 and indices.is_const))

    def operand(self, op: Op, index: int, order: Order) -> Order | None:
        first, count = self._table(op)
        at = [i for i, axis in enumerate(order) if first <= axis < first + count]
        if at != list(range(at[0], at[0] + count)):
            return None
        apart = (axis if axis <= first else axis - count + 1 for i, axis in enumerate(order) if i not in at[1:])
        return tuple(first if i == at[0] else axis for i, axis in enumerate(apart))

    def result(self, op: Op, index: int, order: Order) -> Order | None:
        first, count = self._table(op)
        wide = [[*range(a, a + count)] if a == first else [a if a < first else a + count - 1] for a in order]
        return tuple(axis for axes in wide for axis in axes)

    def emit(self, b: Builder, op: Op, inputs: Inputs, order: Order, stored: Order) -> Sequence[Value]:
        g: Any = op.operator
        first, count = self._table(op)
        turned = [axis - first for axis in order if first <= axis < first + count]
        indices = inputs[1]
        if turned != list(range(count)):
            indices = b.const(op.operand(1).array.transpose(turned))
        return b.emit_many(replace(g, axis=stored.index(first)), inputs[0], indices)

    def _table(self, op: Op) -> tuple[int, int]:
        """Where the dimensions of the indices begin in the result, and how many there are."""
        g: Any = op.operator
        return g.axis % op.input.rank, op.operand(1).rank


class ReduceRule(Rule):
    """Reductions; dropped dimensions may have stood anywhere."""

    def axes(self, op: Op) -> list[int]:
        return sorted({int(a) % op.input.rank for a in op.operand(1).array.reshape(-1)})

    def keeps(self, op: Op) -> bool:
        return op.input.rank == op.output.rank

    def kept(self, op: Op) -> list[int]:
        return [a for a in range(op.input.rank) if a not in self.axes(op)]

    def operand(self, op: Op, index: int, order: Order) -> Order | None:
        return order if self.keeps(op) else insert(order, self.kept(op), op.input.rank)

    def result(self, op: Op, index: int, order: Order) -> Order | None:
        return order if self.keeps(op) else restrict(order, self.kept(op))

    def accepts(self, op: Op, index: int, have: Order, order: Order) -> bool:
        return self.result(op, index, have) == order

    def emit(self, b: Builder, op: Op, inputs: Inputs, order: Order, stored: Order) -> Sequence[Value]:
        axes = op.operand(1)
        moved = sorted(stored.index(a) for a in self.axes(op))
        return b.emit_many(op.operator, inputs[0], b.const(np.asarray(moved, axes.array.dtype).reshape(axes.shape)))


class TransposeRule(Rule):
    """A transpose relabels dimensions: nothing is left of it but the order in which its operand is wanted."""

    def operand(self, op: Op, index: int, order: Order) -> Order | None:
        return compose(_perm(op), order)

    def result(self, op: Op, index: int, order: Order) -> Order | None:
        return compose(invert(_perm(op)), order)

    def emit(self, b: Builder, op: Op, inputs: Inputs, order: Order, stored: Order) -> Sequence[Value]:
        assert inputs[0] is not None
        return [inputs[0]]


class ReshapeRule(Rule):
    """A reshape that splits, merges, adds or drops dimensions carries an order through."""

    def operand(self, op: Op, index: int, order: Order) -> Order | None:
        return self._carry(op.output.shape, order, op.input.shape)

    def result(self, op: Op, index: int, order: Order) -> Order | None:
        return self._carry(op.input.shape, order, op.output.shape)

    def _carry(self, source: Shape, order: Order, target: Shape) -> Order | None:
        return identity(len(target)) if order == identity(len(order)) else carry(source, order, target)

    def accepts(self, op: Op, index: int, have: Order, order: Order) -> bool:
        if have == identity(len(have)) and order == identity(len(order)):
            return True
        return carries(op.input.shape, have, op.output.shape, order)

    def emit(self, b: Builder, op: Op, inputs: Inputs, order: Order, stored: Order) -> Sequence[Value]:
        assert inputs[0] is not None
        return [reshape(b, inputs[0], permuted(op.output.shape, order))]


RULES: dict[type[ops.Operator], Rule] = {
    ops.Transpose: TransposeRule(),
    ops.Reshape: ReshapeRule(),
    ops.Concatenation: ConcatRule(),
    ops.Split: AxisOperandRule(axis_at=0, data_at=1),
    ops.SplitV: AxisOperandRule(axis_at=2),
    ops.ReverseV2: AxisOperandRule(axis_at=1),
    ops.Cumsum: AxisOperandRule(axis_at=1),
    ops.Pad: PerAxisRule(1),
    ops.PadV2: PerAxisRule(1),
    ops.MirrorPad: PerAxisRule(1),
    ops.Slice: PerAxisRule(1, 2),
    ops.Tile: PerAxisRule(1),
    ops.BroadcastTo: PerAxisRule(1),
    ops.StridedSlice: StridedSliceRule(1, 2, 3),
    ops.Gather: GatherRule(),
    ops.ArgMax: ReduceRule(),
    ops.ArgMin: ReduceRule(),
    ops.Softmax: LastAxisRule(),
    ops.LogSoftmax: LastAxisRule(),
    ops.L2Normalization: LastAxisRule(),
    ops.FullyConnected: LinearRule(),
}

# Elementwise in name only: a condition with one number per row, elements of another size.
_UNEVEN = (ops.Select, ops.Bitcast)
_ELEMENTWISE = ElementwiseRule()
_REDUCTION = ReduceRule()


def rule_for(op: Op) -> Rule | None:
    """The rule of this operation, or None where it takes and gives its values as they are."""
    kind = type(op.operator)
    rule = RULES.get(kind)
    if rule is None and issubclass(kind, Elementwise) and kind not in _UNEVEN:
        rule = _ELEMENTWISE
    if rule is None and issubclass(kind, Reduction):
        rule = _REDUCTION
    return rule if rule is not None and _is_plain(op, rule) and rule.applies(op) else None


def _is_plain(op: Op, rule: Rule) -> bool:
    """Whether every tensor that would be moved has numbers of its own for each element, and one scale if any."""
    moved = [v for i, v in enumerate(op.inputs) if rule.carries(i)]
    tensors = [v for v in (*moved, *op.outputs) if v is not None]
    packed = any(v.is_const and v.dtype.is_raw for v in tensors)
    return not packed and all(v.quantization is None or len(v.quantization.scale) <= 1 for v in tensors)


def _perm(op: Op) -> Order:
    return tuple(int(i) for i in op.operand(1).array.reshape(-1))


def _move_bits(mask: int, order: Order) -> int:
    return sum(1 << i for i, axis in enumerate(order) if mask >> axis & 1)
