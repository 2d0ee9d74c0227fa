"""merge_carried: values that a loop starts and steps alike are one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from liteport.ir.graph import Graph, Module, Value
from liteport.passes.base import Pass
from liteport.passes.common import value_key
from liteport.passes.loops import Loop, loops


@dataclass(frozen=True)
class MergeCarried(Pass):
    """i, j = while(0, 0), with i + 1 and j + 1 in every step   =>   i = while(0)

    Loops of TensorFlow count their steps twice, once for themselves and once for what they read and write.
    """

    module: Module

    def run(self, graph: Graph) -> bool:
        changed = False
        for loop in loops(self.module, graph):
            while (pair := _alike(loop)) is not None:
                loop = _merged(loop, *pair)
                changed = True
        return changed


def _alike(loop: Loop) -> tuple[int, int] | None:
    """Two places whose values are the same in every step."""
    places = range(len(loop.op.inputs))
    return next(
        ((p, q) for p, q in combinations(places, 2) if _starts_alike(loop, p, q) and _steps_alike(loop, p, q)), None
    )


def _starts_alike(loop: Loop, one: int, other: int) -> bool:
    first, second = loop.op.operand(one), loop.op.operand(other)
    return first.type == second.type and value_key(first) == value_key(second)


def _steps_alike(loop: Loop, one: int, other: int) -> bool:
    """Whether a step does the same to both, or leaves both alone."""
    if loop.is_kept(one) or loop.is_kept(other):
        return loop.is_kept(one) and loop.is_kept(other)
    first, second = (loop.body.outputs[place].producer for place in (one, other))
    if first is None or second is None or first.operator != second.operator or first.operator.stateful:
        return False
    if len(first.inputs) != len(second.inputs) or loop.body.outputs[one].index != loop.body.outputs[other].index:
        return False
    inner = {id(loop.body.inputs[other]): loop.body.inputs[one]}

    def seen(value: Value | None) -> Value | None:
        return inner.get(id(value), value)

    return all(value_key(seen(a)) == value_key(seen(b)) for a, b in zip(first.inputs, second.inputs, strict=True))


def _merged(loop: Loop, one: int, other: int) -> Loop:
    for each in (loop.test, loop.body):
        each.replace_value(each.inputs[other], each.inputs[one])
    return loop.without(other, loop.op.outputs[one])
