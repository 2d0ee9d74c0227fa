"""fuse_update: a value joined anew around one row of it is updated in that row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.types import Array, DType
from liteport.lowering import control
from liteport.passes.base import Pass


@dataclass(frozen=True)
class FuseUpdate(Pass):
    """concatenation(x[:t], row, x[t + 1:])   =>   dynamic_update_slice(x, row, t)

    How TensorFlow's converter writes an element of a list, at every step of a loop.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in graph.find(ops.Concatenation):
            found = _updated(op)
            if found is not None:
                x, at = found
                graph.replace(op, control.put_rows(Builder(graph, op), x, at, op.operand(1)))
                changed = True
        return changed


def _updated(op: Op) -> tuple[Value, Value] | None:
    """What is updated, and in which row, [1]; None where something else is joined."""
    if op.operator != ops.Concatenation() or len(op.inputs) != 3:
        return None
    cuts = [v.producer for v in (op.operand(0), op.operand(2)) if v.producer is not None]
    if len(cuts) != 2 or not all(isinstance(cut.operator, ops.Slice) for cut in cuts):
        return None
    front, behind = cuts
    x, row = front.input, op.operand(1)
    same = behind.input is x and x.type == op.output.type and row.shape == (1, *x.shape[1:])
    if not same or x.dtype not in ops.DynamicUpdateSlice.dtypes:
        return None
    size, begin = _led(front.operand(2)), _led(behind.operand(1))
    if size is None or begin is None or not _is_all(front.operand(1), 0) or not _is_all(behind.operand(2), -1):
        return None
    whole = bool((size[1] == -1).all()) and not begin[1].any()
    return (x, size[0]) if whole and _is_next(begin[0], size[0]) else None


def _led(vector: Value) -> tuple[Value, Array] | None:
    """The computed number that a vector begins with, [1], and its other numbers, which are known."""
    op = vector.producer
    if op is None or vector.dtype is not DType.INT32:
        return None
    if vector.shape == (1,):
        return vector, np.zeros(0, np.int32)
    if op.operator != ops.Concatenation() or len(op.inputs) != 2:
        return None
    first, rest = op.operand(0), op.operand(1)
    return (first, rest.array) if first.shape == (1,) and rest.is_const and not rest.has_sizes else None


def _is_all(vector: Value, number: int) -> bool:
    return vector.is_const and not vector.has_sizes and bool((vector.array == number).all())


def _is_next(later: Value, number: Value) -> bool:
    """Whether it is the number and 1."""
    op = _bare(later).producer
    if op is None or op.operator != ops.Add():
        return False
    one, other = op.operand(0), op.operand(1)
    return any(_bare(a) is _bare(number) and _is_all(b, 1) for a, b in ((one, other), (other, one)))


def _bare(value: Value) -> Value:
    """The number before it was put into a vector."""
    op = value.producer
    return _bare(op.input) if op is not None and isinstance(op.operator, ops.Reshape | ops.ExpandDims) else value
