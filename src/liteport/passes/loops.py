"""Loops as passes see them: what WHILE hands on from one step to the next, by its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, Op, Value


@dataclass(frozen=True)
class Loop:
    """A WHILE in `graph` and the two graphs that it alone runs.

    A place says which value is meant: that operand and that result of `op`, that input of `test` and `body`, and
    that output of `body`.
    """

    graph: Graph
    op: Op
    test: Graph
    body: Graph

    def is_kept(self, place: int) -> bool:
        """Whether every step hands the value on as it was."""
        return self.body.outputs[place] is self.body.inputs[place]

    def place(self, value: Value) -> int | None:
        """The place of an input of the body."""
        return next((i for i, each in enumerate(self.body.inputs) if each is value), None)

    def counts(self, place: int) -> bool:
        """Whether the value is 0 in the first step, 1 in the second, and so on."""
        step, start = self.body.outputs[place].producer, self.op.operand(place)
        if step is None or step.operator != ops.Add() or not _is_number(start, 0):
            return False
        own, other = step.operand(0), step.operand(1)
        return (own is self.body.inputs[place] and _is_number(other, 1)) or (
            other is self.body.inputs[place] and _is_number(own, 1)
        )

    def steps(self) -> int | None:
        """How many steps it takes, where that is a matter of counting."""
        limits = [self._limit(op) for op in _conditions(self.test.outputs[0])]
        return min((n for n in limits if n is not None), default=None) if None not in limits else None

    def _limit(self, op: Op | None) -> int | None:
        """The step from which on a condition is false."""
        if op is None or not isinstance(op.operator, ops.Less) or not op.operand(1).is_const:
            return None
        place = next((i for i, each in enumerate(self.test.inputs) if each is op.input), None)
        limit = op.operand(1)
        known = place is not None and self.counts(place) and not limit.has_sizes and limit.type.size == 1
        return max(0, int(limit.array.reshape(()))) if known else None

    def with_outer(self, value: Value) -> tuple[Loop, Value]:
        """The loop with one more value, which no step changes; that value in the body."""
        for each in (self.test, self.body):
            each.inputs.append(Value(value.type, value.name))
            each.input_names.append(value.name)
        inner = self.body.inputs[-1]
        self.body.outputs.append(inner)
        return self._again([*self.op.inputs, value], [*self.op.outputs, None]), inner

    def without(self, place: int, instead: Value | None = None) -> Loop:
        """The loop without a value that nothing in its graphs uses; `instead` is used where its result was."""
        for each in (self.test, self.body):
            each.inputs.pop(place)
            if each.input_names:
                each.input_names.pop(place)
        self.body.outputs.pop(place)
        if instead is not None:
            self.graph.replace_value(self.op.outputs[place], instead)
        kept: list[Value | None] = [v for i, v in enumerate(self.op.outputs) if i != place]
        return self._again([v for i, v in enumerate(self.op.inputs) if i != place], kept)

    def _again(self, inputs: list[Value | None], results: list[Value | None]) -> Loop:
        """The loop on other operands, whose results take the place of these."""
        types = tuple(v.type for v in self.body.outputs)
        made = Builder(self.graph, self.op).emit_many(self.op.operator, *inputs, types=types)
        for old, new in zip(results, made, strict=True):
            if old is not None:
                new.name = old.name
                self.graph.replace_value(old, new)
        self.graph.erase(self.op)
        new_op = made[0].producer
        assert new_op is not None  # it was emitted
        return replace(self, op=new_op)


def loops(module: Module, graph: Graph) -> Iterator[Loop]:
    """The loops of a graph whose graphs are nobody else's."""
    uses = Counter(name for each in module.graphs for op in each.ops for name in op.references)
    for op in graph.find(ops.While):
        names = op.references
        if all(uses[name] == 1 for name in names):
            yield Loop(graph, op, *map(module.graph, names))


def _conditions(value: Value) -> Iterator[Op | None]:
    """What must all be true for `value` to be."""
    op = value.producer
    if op is not None and isinstance(op.operator, ops.LogicalAnd):
        for operand in (op.operand(0), op.operand(1)):
            yield from _conditions(operand)
    else:
        yield op


def _is_number(value: Value, number: int) -> bool:
    known = value.is_const and not value.has_sizes and value.dtype.is_int and value.type.size == 1
    return known and bool(np.all(value.array == number))
