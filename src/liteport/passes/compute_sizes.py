"""compute_sizes: what depends on sizes is computed when the model runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from liteport.errors import UnsupportedError
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Operator
from liteport.ir.sizes import Size, int_array, linear
from liteport.ir.types import DType, TensorType
from liteport.lowering.basic import cast, reshape
from liteport.passes.base import Pass
from liteport.passes.dead import DropDead

_FUNCTIONS: dict[str, Operator] = {
    "+": ops.Add(),
    "-": ops.Sub(),
    "*": ops.Mul(),
    "//": ops.FloorDiv(),
    "%": ops.FloorMod(),
    "max": ops.Maximum(),
    "min": ops.Minimum(),
}


@dataclass(frozen=True)
class ComputeSizes(Pass):
    """reshape(x, [n, 4])   =>   reshape(x, [-1, 4]);      tile(x, [n, 1])   =>   tile(x, concat(shape(y)[0], [1]))

    Until here, operands that depend on sizes are constants of Sizes, which passes see through like any other. Those
    that an operator can leave open are; the others are computed, as vectors of one number, from the shapes of the
    inputs, or of the first result that has the size, or from numbers that are said to be one (BIND_SIZE). LiteRT works
    SHAPE, STRIDED_SLICE, CONCATENATION and MUL out when inputs are resized, so that the shapes behind them are known
    before the model runs.
    """

    def run(self, graph: Graph) -> bool:
        sizes = _Sizes(graph)
        changed = False
        for op in list(graph.ops):
            if any(v is not None and v.has_sizes for v in op.inputs):
                _leave_open(graph, op)
                b = Builder(graph, op)
                for index, value in enumerate(op.inputs):
                    if value is not None and value.has_sizes:
                        graph.set_input(op, index, sizes.tensor(b, value))
                changed = True
            if isinstance(op.operator, ops.BindSize):
                sizes.bind(Builder(graph, op), op.operator.size, op.input)
                graph.replace(op, op.input)
                changed = True
            sizes.learn(op.outputs)
        DropDead().run(graph)
        return changed


# What an operator finds out by itself


def _leave_open(graph: Graph, op: Op) -> None:
    """Lets the kernel work out what it can: one dimension of a reshape, the end of a slice."""
    if isinstance(op.operator, ops.Reshape):
        numbers = list(op.operand(1).array)
        open_ = [i for i, n in enumerate(numbers) if isinstance(n, Size)]
        # The one that is the longest to compute; beside a 0 the kernel cannot work it out.
        left = max(open_, key=lambda i: (not numbers[i].is_symbol, i), default=None)
        if left is not None and not any(0 in numbers[i].values for i in open_ if i != left):
            numbers[left] = -1
            _set(graph, op, 1, numbers)
    elif isinstance(op.operator, ops.Slice) and op.operand(1).is_const and op.operand(2).has_sizes:
        begins, sizes = op.operand(1).array, list(op.operand(2).array)
        ends = [begin + size for begin, size in zip(begins.tolist(), sizes, strict=True)]
        to_end = [end == dim for end, dim in zip(ends, op.input.shape, strict=True)]
        _set(graph, op, 2, [-1 if open_ and isinstance(s, Size) else s for s, open_ in zip(sizes, to_end, strict=True)])
    elif isinstance(op.operator, ops.StridedSlice) and op.operand(2).has_sizes:
        ends = list(op.operand(2).array)
        at_end = [isinstance(e, Size) and e == d for e, d in zip(ends, op.input.shape, strict=False)]
        mask = op.operator.end_mask | sum(1 << i for i, last in enumerate(at_end) if last)
        op.operator = replace(op.operator, end_mask=mask)
        _set(graph, op, 2, [0 if last else e for e, last in zip(ends, at_end, strict=True)])


def _set(graph: Graph, op: Op, index: int, numbers: list[int]) -> None:
    graph.set_input(op, index, Builder(graph).const(int_array(numbers)))


# What has to be computed


class _Sizes:
    """The sizes that are at hand so far, each as an int32 vector of one number."""

    def __init__(self, graph: Graph) -> None:
        self.known: dict[Size, Value] = {}
        self.found: dict[Size, tuple[Value, int, int, int]] = {}  # a symbol: value and axis of factor * symbol + rest
        self.shapes: dict[Value, Value] = {}
        self.learn(graph.inputs)

    def learn(self, values: Iterable[Value]) -> None:
        """Takes note of the symbols that can be read from the shapes of `values`."""
        for value in values:
            for axis, size in enumerate(value.shape):
                for symbol, factor, rest in linear(size):
                    self.found.setdefault(symbol, (value, axis, factor, rest))

    def bind(self, b: Builder, symbol: Size, number: Value) -> None:
        """Takes note of a symbol that is a computed number."""
        self.known[symbol] = cast(b, reshape(b, number, (1,)), DType.INT32)

    def tensor(self, b: Builder, value: Value) -> Value:
        """A constant that depends on sizes, computed just before b's operation."""
        parts: list[Value] = []
        for fixed, run in groupby(value.array.reshape(-1).tolist(), lambda n: not isinstance(n, Size)):
            numbers = list(run)
            parts += [b.const(np.asarray(numbers, np.int32))] if fixed else [self.number(b, n) for n in numbers]
        vector = parts[0] if len(parts) == 1 else b.emit(ops.Concatenation(axis=0), *parts)
        shaped = vector
        if value.rank != 1:
            types = (TensorType(DType.INT32, value.shape),)
            shape = b.const(np.asarray(value.shape, np.int32))
            shaped = b.emit_many(ops.Reshape(), vector, shape, types=types)[0]
        return cast(b, shaped, value.dtype)

    def number(self, b: Builder, number: int) -> Value:
        if not isinstance(number, Size):
            return b.const(np.asarray([number], np.int32))
        if number not in self.known:
            self.known[number] = self.symbol(b, number) if number.is_symbol else self.function(b, number)
        return self.known[number]

    def function(self, b: Builder, size: Size) -> Value:
        left, right = (self.number(b, a) for a in size.args)
        return b.emit(_FUNCTIONS[size.function], left, right)

    def symbol(self, b: Builder, symbol: Size) -> Value:
        if symbol not in self.found:
            raise UnsupportedError(
                f"the size {symbol} stands in no tensor's shape: it cannot be known when it is needed"
            )
        value, axis, factor, rest = self.found[symbol]
        if value not in self.shapes:
            self.shapes[value] = b.emit(ops.Shape(), value)
        bounds = (b.const(np.asarray([n], np.int32)) for n in (axis, axis + 1, 1))
        number = b.emit(ops.StridedSlice(), self.shapes[value], *bounds)
        if rest:
            number = b.emit(ops.Sub(), number, self.number(b, rest))
        return b.emit(ops.FloorDiv(), number, self.number(b, factor)) if factor != 1 else number
