"""fuse_center: the mean that a norm takes off a value is taken off by the linear layers that see the value alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value, constant
from liteport.passes.base import Pass
from liteport.passes.fuse_affine import unfit
from liteport.passes.fuse_mean import taken_mean
from liteport.passes.weights import WEIGHTED, WEIGHTS


@dataclass(frozen=True)
class FuseCenter(Pass):
    """d = x - mean(x); d * d; linear(d * r, w)   =>   squared_difference(x, mean(x)); linear(x * r, w - mean(w))

    A layer norm (r is one number per place) before linear layers, once its affine is in their weights: one pass over
    memory less. Weights whose mean over the input channels is zero do not see a number that is added to all of these.
    They sum with that number in it, though: where it is large against the deviation, more of float32's rounding shows
    (measured, 768 channels: a mean of one deviation 3e-7 of the result instead of 2e-7, of ten 3e-6 instead of 4e-7).
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in graph.find(ops.Sub):
            mean = taken_mean(graph, op)
            if mean is None:
                continue
            below = _Below(graph, op.output)
            if below.why or not below.kernels:
                self.decline(op, below.why or "no linear layer sees it")
                continue
            below.apply(op, mean)
            changed = True
        return changed


@dataclass
class _Below:
    """What sees a value x - mean(x): squares of it, and linear layers, all of which must be able to take the mean off.

    `why` says why they cannot; empty where they can.
    """

    graph: Graph
    value: Value
    squares: list[Op] = field(default_factory=list)
    kernels: list[Op] = field(default_factory=list)
    why: str = ""

    def __post_init__(self) -> None:
        waiting = [self.value]
        while waiting and not self.why:
            value = waiting.pop()
            if self.graph.is_output(value):
                self.why = "it is an output"
            for user in value.users:
                waiting += self._see(user, value)

    def apply(self, sub: Op, mean: Op) -> None:
        x = sub.input
        for op in self.kernels:
            old = op.operand(WEIGHTS)
            exact = old.array.astype(np.float64)
            centred = exact - exact.mean(axis=WEIGHTED[type(op.operator)].in_axis, keepdims=True)
            self.graph.set_input(op, WEIGHTS, constant(centred.astype(np.float32), old.name))
        for op in self.squares:
            square = Builder(self.graph, op).emit(ops.SquaredDifference(), x, mean.output)
            self.graph.replace(op, square)
        self.graph.replace_value(sub.output, x)
        self.graph.erase(sub)

    def _see(self, user: Op, value: Value) -> list[Value]:
        """The results of `user` that linear layers must see alone, as they must `value`."""
        if value is self.value and (user.operator == ops.Square() or _is_square(user)):
            self.squares.append(user)
            return []
        if type(user.operator) in WEIGHTED:
            self.why = self.why or self._unfit(user, value)
            self.kernels.append(user)
            return []
        if _scales_places(user, value) or _moves_places(user):
            return [user.output]
        self.why = self.why or f"{user.name} sees it"
        return []

    def _unfit(self, op: Op, value: Value) -> str:
        spot = WEIGHTED[type(op.operator)]
        if op.operand(spot.data) is not value or len([v for v in op.inputs if v is value]) > 1:
            return f"{op.name} takes it as weights"
        if spot.in_axis is None or op.operand(WEIGHTS).shape[spot.in_axis] != value.shape[-1]:
            return f"{op.name} does not take every channel for every other"
        return unfit(self.graph, op, spot)


def _is_square(op: Op) -> bool:
    return op.operator == ops.Mul() and op.operand(0) is op.operand(1)


def _scales_places(op: Op, value: Value) -> bool:
    """Whether an operation multiplies or divides all channels of a place by the same number."""
    if op.operator not in (ops.Mul(), ops.Div()) or op.output.type != value.type:
        return False
    left, right = op.operand(0), op.operand(1)
    other = right if left is value else left
    divides = isinstance(op.operator, ops.Div)
    return other is not value and other.shape[-1:] in ((), (1,)) and not (divides and other is left)


def _moves_places(op: Op) -> bool:
    """Whether an operation moves places about, or leaves some out, with their channels side by side as before."""
    if isinstance(op.operator, ops.Transpose):
        order = op.operand(1)
        return order.is_const and not order.has_sizes and int(order.array[-1]) == op.input.rank - 1
    return isinstance(op.operator, ops.Reshape | ops.Slice) and op.input.shape[-1:] == op.output.shape[-1:]
