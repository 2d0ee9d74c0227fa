"""Reordering the channels of a value, by reordering the weights of whatever makes it or takes it.

A plan walks from a value through operators that treat every channel alike up to kernels with weights:
`Reorder.made(v)` asks whether v can be delivered in another order, `Reorder.taken(v)` whether its users can
expect it. Nothing changes until `apply`; a plan that met a "no" is thrown away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from liteport.ir import ops
from liteport.ir.graph import Graph, Op, Value, constant
from liteport.ir.ops.base import Elementwise, Reduction, Unary
from liteport.ir.types import Array
from liteport.passes.weights import WEIGHTED, Weighted
from liteport.passes.weights import WEIGHTS as _WEIGHTS

# Kernels that treat each channel by itself, without weights.
_PER_CHANNEL = (
    ops.MaxPool2D,
    ops.AveragePool2D,
    ops.ResizeBilinear,
    ops.ResizeNearestNeighbor,
)
_PADS = (ops.Pad, ops.PadV2, ops.MirrorPad)

Change = Callable[[Graph, Array], None]


@dataclass
class Reorder:
    """A plan: the changes that give a value another channel order. `order[i]` is the old channel at new place i."""

    graph: Graph
    changes: list[Change] = field(default_factory=list)
    asked: set[Value] = field(default_factory=set)

    def apply(self, order: Array) -> None:
        for change in self.changes:
            change(self.graph, order)

    def made(self, value: Value, handled: Iterable[Op] = ()) -> bool:
        """Whether `value` can be delivered in any order, its users other than `handled` expecting it."""
        op = value.producer
        if op is None or self._fixed(value):
            return False
        if value in self.asked:
            return True
        self.asked.add(value)
        return self._users_expect(value, handled) and self._delivers(op)

    def taken(self, value: Value, handled: Iterable[Op] = ()) -> bool:
        """Whether the users of `value` other than `handled` can expect its channels in any order."""
        if self._fixed(value):
            return False
        if value in self.asked:
            return True
        self.asked.add(value)
        return self._users_expect(value, handled)

    def _fixed(self, value: Value) -> bool:
        return self.graph.is_output(value) or value.quantization is not None

    def _users_expect(self, value: Value, handled: Iterable[Op]) -> bool:
        return all(self._expects(user, value) for user in value.users if user not in handled)

    def _delivers(self, op: Op) -> bool:
        spot = WEIGHTED.get(type(op.operator))
        if spot is None:
            inputs = self._per_channel_inputs(op)
            return inputs is not None and all(self.made(v, (op,)) for v in inputs)
        if not _is_plain(op):
            return False
        self._reorder_results(op, spot)
        return spot.in_axis is not None or self.made(op.operand(spot.data), (op,))

    def _expects(self, user: Op, value: Value) -> bool:
        spot = WEIGHTED.get(type(user.operator))
        if spot is None and isinstance(user.operator, Reduction) and not _spares_channels(user):
            return user.operand(1).is_const  # over all channels: in any order it is the same
        if spot is None:
            return self._per_channel_inputs(user) == [value] and self.taken(user.output)
        if user.operand(spot.data) is not value or not _is_plain(user):
            return False
        axis = spot.in_axis
        if axis is None:
            self._reorder_results(user, spot)
            return self.taken(user.output)
        self.changes.append(lambda graph, order: _reorder(graph, user, _WEIGHTS, axis, order))
        return True

    def _reorder_results(self, op: Op, spot: Weighted) -> None:
        self.changes.append(lambda graph, order: _reorder(graph, op, _WEIGHTS, spot.out_axis, order))
        if op.optional(spot.bias) is not None:
            self.changes.append(lambda graph, order: _reorder(graph, op, spot.bias, -1, order))

    def _per_channel_inputs(self, op: Op) -> list[Value] | None:
        """The operands whose channels the results share one by one; None where the operation mixes channels.

        Constants with a number per channel are reordered along.
        """
        operator = op.operator
        if isinstance(operator, (Unary, *_PER_CHANNEL)):
            return [op.input]
        if isinstance(operator, _PADS):
            return [op.input] if _pads_no_channels(op) else None
        if isinstance(operator, Reduction):
            return [op.input] if _spares_channels(op) else None
        if isinstance(operator, ops.Reshape):
            return [op.input] if _keeps_channels(op) else None
        if not isinstance(operator, Elementwise) or isinstance(operator, ops.Select):
            return None
        channels = op.output.shape[-1]
        computed = [v for v in op.inputs if v is not None and not v.is_const]
        if any(v.shape[-1:] not in ((channels,), (1,)) for v in computed):
            return None
        for index, value in enumerate(op.inputs):
            if value is not None and value.is_const and value.shape[-1:] == (channels,) and channels > 1:
                self.changes.append(partial(_reorder_constant, op, index))
        return list(dict.fromkeys(v for v in computed if v.shape[-1:] == (channels,)))


def _is_plain(op: Op) -> bool:
    """Whether the kernel's weights are float constants, without groups or channel multiplier."""
    spot = WEIGHTED[type(op.operator)]
    weights = op.operand(1)
    parts = [weights, op.optional(spot.bias)]
    if any(v is not None and (not v.is_const or v.quantization is not None or v.dtype.is_raw) for v in parts):
        return False
    channels = op.operand(spot.data).shape[-1]
    if spot.in_axis is None:
        return weights.shape[spot.out_axis] == channels
    return weights.shape[spot.in_axis] == channels


def _pads_no_channels(op: Op) -> bool:
    amounts = op.operand(1)
    return amounts.is_const and not amounts.array.reshape(-1, 2)[-1].any()


def _spares_channels(op: Op) -> bool:
    axes = op.operand(1)
    rank = op.input.rank
    return axes.is_const and rank - 1 not in {int(a) % rank for a in axes.array.reshape(-1)}


def _keeps_channels(op: Op) -> bool:
    """A reshape of [..., C] to [..., C]."""
    return bool(op.output.shape and op.input.shape) and op.output.shape[-1] == op.input.shape[-1]


def _reorder(graph: Graph, op: Op, index: int, axis: int, order: Array) -> None:
    old = op.operand(index)
    graph.set_input(op, index, constant(np.take(old.array, order, axis=axis), old.name))


def _reorder_constant(op: Op, index: int, graph: Graph, order: Array) -> None:
    _reorder(graph, op, index, -1, order)
