"""fuse_mean: what norms would centre comes out of the weights with a mean of zero."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from liteport.ir import ops
from liteport.ir.graph import Graph, Op, Value, constant
from liteport.ir.ops.base import Activation, Operator
from liteport.ir.types import DType
from liteport.passes.base import Pass
from liteport.passes.weights import WEIGHTED, WEIGHTS


@dataclass(frozen=True)
class FuseMean(Pass):
    """x = linear(y, w) + p; z = x - mean(x)   =>   z = linear(y, w - mean(w)) + (p - mean(p))

    A layer norm does not see a number that is added to all channels of a place. Where a sum of layers, such as a
    transformer's residual stream, is seen by norms alone, their weights and constants leave its mean out.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        done: set[int] = set()
        for op in graph.find(ops.Sub):
            x = op.optional(0)
            if x is None or x.is_const or id(x) in done or taken_mean(graph, op) is None:  # None: erased with others
                continue
            stream = _Stream(graph, x)
            done |= stream.seen
            if stream.why:
                self.decline(op, stream.why)
                continue
            stream.apply()
            changed = True
        return changed


def taken_mean(graph: Graph, op: Op) -> Op | None:
    """The MEAN over the last dimension of x that x - mean(x) takes off; None for any other operation."""
    if op.operator != ops.Sub() or graph.is_output(op.output):
        return None
    x, mean = op.operand(0), op.operand(1).producer
    if mean is None or mean.operator != ops.Mean(keep_dims=True) or mean.input is not x:
        return None
    axes = mean.operand(1)
    last = axes.is_const and [int(axis) % x.rank for axis in axes.array.reshape(-1)] == [x.rank - 1]
    return mean if last and graph.sole_user(mean.output) is op else None


class _Stream:
    """All values that must have a mean of zero along their last dimension if one has.

    `why` says why they cannot; empty where they can.
    """

    def __init__(self, graph: Graph, value: Value) -> None:
        self.graph = graph
        self.seen: set[int] = set()
        self.norms: list[Op] = []
        self.steps: list[tuple[Op, int, int]] = []  # (operation, constant operand, its dimension of the channels)
        self._waiting = [value]
        self.why = ""
        while self._waiting and not self.why:
            value = self._waiting.pop()
            if id(value) not in self.seen:
                self.seen.add(id(value))
                self.why = self._above(value) or self._below(value)

    def apply(self) -> None:
        for op, index, axis in self.steps:
            old = op.operand(index)
            exact = old.array.astype(np.float64)
            centred = exact - exact.mean(axis=axis, keepdims=True)
            self.graph.set_input(op, index, constant(centred.astype(np.float32), old.name))
        for sub in self.norms:
            mean = sub.operand(1).producer
            self.graph.replace_value(sub.output, sub.operand(0))
            self.graph.erase(sub)
            if mean is not None:
                self.graph.erase(mean)

    def _above(self, value: Value) -> str:
        op = value.producer
        if op is None:
            return "it comes from outside"
        plain = getattr(op.operator, "activation", Activation.NONE) is Activation.NONE
        if value.dtype is not DType.FLOAT32 or value.quantization is not None or not plain:
            return f"{op.name} is not in plain floats, or has an activation"
        if isinstance(op.operator, ops.Conv2D | ops.FullyConnected):
            return self._weights(op)
        step = _STEPS.get(type(op.operator))
        return step(self, op) if step else f"{op.name} does not let a mean of zero pass"

    def _below(self, value: Value) -> str:
        if self.graph.is_output(value):
            return "it is an output"
        for user in value.users:
            if isinstance(user.operator, ops.Sub) and taken_mean(self.graph, user) and user.operand(0) is value:
                self.norms.append(user)
            elif type(user.operator) in _STEPS:
                self._waiting.append(user.output)
            elif not self._is_taken_off(user, value):
                return f"{user.name} sees its mean"
        return ""

    def _is_taken_off(self, user: Op, value: Value) -> bool:
        """Whether `user` is the mean that a norm takes off `value`."""
        sub = self.graph.sole_user(user.output) if len(user.outputs) == 1 else None
        return sub is not None and isinstance(sub.operator, ops.Sub) and taken_mean(self.graph, sub) is user

    def _weights(self, op: Op) -> str:
        spot = WEIGHTED[type(op.operator)]
        weights, x = op.operand(WEIGHTS), op.operand(spot.data)
        if (
            spot.in_axis is None
            or weights.shape[spot.in_axis] != x.shape[-1]
            or op.output.shape[-1] != weights.shape[0]
        ):
            return f"{op.name} does not make every channel of every other"
        for index in (WEIGHTS, spot.bias):
            if op.optional(index) is not None and (why := self._constant(op, index, 0)):
                return why
        return ""

    def _constant(self, op: Op, index: int, axis: int) -> str:
        value = op.operand(index)
        if not value.is_const or value.has_sizes or value.dtype is not DType.FLOAT32 or value.quantization is not None:
            return f"an operand of {op.name} is no float constant"
        self.steps.append((op, index, axis))
        return ""

    def _operands(self, op: Op) -> str:
        """All operands of a sum, or of a concatenation of places, in all their channels."""
        for index in range(len(op.inputs)):
            x = op.operand(index)
            if not x.rank or x.shape[-1] != op.output.shape[-1]:
                return f"an operand of {op.name} does not have all channels"
            if not x.is_const:
                self._waiting.append(x)
            elif why := self._constant(op, index, x.rank - 1):
                return why
        return ""

    def _places(self, op: Op) -> str:
        """Places that are moved or left out, with their channels side by side as before."""
        moves_last = isinstance(op.operator, ops.Transpose) and not _keeps_last(op)
        if moves_last or not op.input.rank or op.input.shape[-1:] != op.output.shape[-1:]:
            return f"{op.name} does not keep the channels together"
        self._waiting.append(op.input)
        return ""


def _keeps_last(transpose: Op) -> bool:
    order = transpose.operand(1)
    return order.is_const and not order.has_sizes and int(order.array[-1]) == transpose.input.rank - 1


_STEPS: dict[type[Operator], Callable[[_Stream, Op], str]] = {
    ops.Add: _Stream._operands,
    ops.Sub: _Stream._operands,
    ops.Concatenation: _Stream._operands,
    ops.Reshape: _Stream._places,
    ops.Transpose: _Stream._places,
    ops.Slice: _Stream._places,
}
