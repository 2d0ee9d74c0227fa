"""ungroup: norms over groups of channels are written on the channels, with the groups in the statistics alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Elementwise
from liteport.ir.sizes import is_fixed
from liteport.lowering.basic import reduce, reshape
from liteport.passes.base import Pass


@dataclass(frozen=True)
class Ungroup(Pass):
    """y = reshape(x[N,C,H,W], [N,G,-1]); reshape(y - mean(y, 2), [N,C,H,W])
      =>   x - repeat(mean(reshape(mean(x, [2,3]), [N,G,-1]), 2))

    How ONNX files and Keras have a group norm. The mean over a group is that of its channels' means: nothing of x's
    size is reshaped, which would fix its order (two transposes for each norm), or is reduced over dimensions apart,
    which kernels are slow at.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in graph.find(ops.Reshape):
            groups = _groups(op) if op in graph.ops else None  # not one that ended a norm before
            if groups is None:
                continue
            region = _Region(graph, groups, op.output)
            if region.why or not region.means or not region.ends:
                self.decline(op, region.why or "it is no norm")
                continue
            region.apply(op.input)
            graph.erase(op)
            changed = True
        return changed


@dataclass(frozen=True)
class _Groups:
    """How a reshape cuts the channels of x up: x's dimension `axis` into `count` groups, dimension `at` of the result.

    `own`: the result's dimension of channels in a group, places behind them may be part of it where it is `merged`.
    """

    shape: tuple[int, ...]
    grouped: tuple[int, ...]
    axis: int
    at: int
    merged: bool

    @property
    def count(self) -> int:
        return self.grouped[self.at]

    @property
    def width(self) -> int:
        """Channels in a group."""
        return self.shape[self.axis] // self.count

    @property
    def within(self) -> set[int]:
        """The result's dimensions of one group."""
        return set(range(1, len(self.grouped))) - {self.at}

    @property
    def places(self) -> list[int]:
        """x's dimensions of places."""
        return [i for i in range(1, len(self.shape)) if i != self.axis]

    def fits(self, value: Value) -> bool:
        """Whether it has one number for each group, or one for each channel."""
        shape = (1,) * (len(self.grouped) - value.rank) + tuple(value.shape)
        channels = set() if self.merged else {self.at + 1}
        return len(shape) == len(self.grouped) and all(shape[i] == 1 for i in self.within - channels)

    def on_channels(self, b: Builder, value: Value) -> Value:
        """What fits, in a shape that broadcasts against x."""
        shape = (1,) * (len(self.grouped) - value.rank) + tuple(value.shape)
        n, count, width = shape[0], shape[self.at], 1 if self.merged else shape[self.at + 1]
        whole = (n, self.count, self.width) if count * width > 1 else (n, 1, 1)
        final = [n if i == 0 else prod(whole[1:]) if i == self.axis else 1 for i in range(len(self.shape))]
        if value.is_const:
            repeated = np.broadcast_to(value.array.reshape(n, count, width), whole)
            return b.const(np.ascontiguousarray(repeated).reshape(final), name=value.name)
        value = reshape(b, value, (n, count, width))
        if whole != (n, count, width):
            value = b.emit(ops.Mul(), value, b.const(np.ones((1, *whole[1:]), value.dtype.numpy)))
        return reshape(b, value, final)


def _groups(op: Op) -> _Groups | None:
    """How `op` cuts up channels, between places and the batch; None where it does not."""
    x, y = tuple(op.input.shape), tuple(op.output.shape)
    if min(len(x), len(y)) < 3 or not op.input.dtype.is_float or not is_fixed((*x[1:], *y[1:])) or x[0] != y[0]:
        return None
    first, last = _Groups(x, y, 1, 1, len(y) == 3), _Groups(x, y, len(x) - 1, len(y) - 2, merged=False)
    if x[1] % y[1] == 0 and (len(y) == 3 or y[1:] == (y[1], x[1] // y[1], *x[2:])):
        return first
    return last if len(x) > 3 and y[:-2] == x[:-1] else None


# Their kernels repeat what is smaller.
_BROADCASTING = (ops.Add, ops.Sub, ops.Mul, ops.Div, ops.SquaredDifference, ops.Maximum, ops.Minimum)


@dataclass
class _Region:
    """What is computed on a value in groups: its means, elementwise operations, and reshapes back to the shape of x.

    `why` says what else is; empty where nothing is.
    """

    graph: Graph
    groups: _Groups
    start: Value
    means: list[Op] = field(default_factory=list)
    elementwise: list[Op] = field(default_factory=list)
    ends: list[Op] = field(default_factory=list)
    why: str = ""

    def __post_init__(self) -> None:
        inside, waiting = {id(self.start)}, [self.start]
        while waiting and not self.why:
            value = waiting.pop()
            if self.graph.is_output(value):
                self.why = "it is an output"
            for user in dict.fromkeys(value.users):
                if self._sees(user) and id(user.output) not in inside:
                    inside.add(id(user.output))
                    waiting.append(user.output)
        operands = [(op, v) for op in self.elementwise for v in op.inputs if v is not None and id(v) not in inside]
        unfit = [op for op, v in operands if not isinstance(op.operator, _BROADCASTING) or not self.groups.fits(v)]
        if unfit:
            self.why = self.why or f"{unfit[0].name} takes another number for each place"

    def _sees(self, user: Op) -> bool:
        """Whether the result of `user`, which is kept in mind, is in groups, too."""
        if isinstance(user.operator, Elementwise) and user.output.shape == self.groups.grouped:
            self.elementwise.append(user)
            return True
        if isinstance(user.operator, ops.Reshape) and user.output.shape == self.groups.shape:
            self.ends.append(user)
        elif isinstance(user.operator, ops.Mean) and self._is_whole(user):
            self.means.append(user)
        else:
            self.why = self.why or f"{user.name} sees it"
        return False

    def _is_whole(self, mean: Op) -> bool:
        axes, rank = mean.operand(1), mean.input.rank
        return axes.is_const and {int(axis) % rank for axis in axes.array.reshape(-1)} == self.groups.within

    def apply(self, x: Value) -> None:
        """Writes all of it on x."""
        known = {id(op) for op in (*self.means, *self.elementwise, *self.ends)}
        region = [op for op in self.graph.ops if id(op) in known]
        on_channels = {id(self.start): x}
        for op in region:
            b = Builder(self.graph, op)
            if isinstance(op.operator, Elementwise):
                operands = (on_channels.get(id(v)) or self.groups.on_channels(b, v) for v in op.inputs if v is not None)
                on_channels[id(op.output)] = b.emit(op.operator, *operands)
            elif isinstance(op.operator, ops.Mean):
                self.graph.replace(op, self._mean(b, on_channels[id(op.input)], op.output))
            else:
                self.graph.replace(op, on_channels[id(op.input)])
        for op in reversed(region):
            if isinstance(op.operator, Elementwise):
                self.graph.erase(op)

    def _mean(self, b: Builder, value: Value, result: Value) -> Value:
        """The mean over each group of `value`, which is on channels."""
        groups = self.groups
        means = reduce(b, ops.Mean, value, groups.places, keep_dims=True)
        each = reshape(b, means, (value.shape[0], groups.count, groups.width))
        return reshape(b, reduce(b, ops.Mean, each, [2], keep_dims=True), result.shape)
