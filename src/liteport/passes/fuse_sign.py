"""fuse_sign: a part that is negated before a table multiplies it has its sign in the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value, constant
from liteport.ir.sizes import is_fixed
from liteport.passes.base import Pass


@dataclass(frozen=True)
class FuseSign(Pass):
    """concat(neg(x), y) * sin   =>   concat(x, y) * [-sin, sin]

    Rotary position embeddings, where their tables are constant.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in graph.find(ops.Mul):
            at = 1 if op.operand(1).is_const else 0
            table, joined = op.operand(at), op.operand(1 - at)
            if table.is_const and (signs := _signs(graph, op, joined)) is not None:
                changed |= self.fuse(graph, op, at, signs)
        return changed

    def fuse(self, graph: Graph, op: Op, at: int, signs: list[int]) -> bool:
        table, joined = op.operand(at), op.operand(1 - at)
        concat = joined.producer
        assert concat is not None
        axis = _axis(concat, joined)
        if joined.type != op.output.type or table.quantization is not None or joined.quantization is not None:
            self.decline(op, "the table broadcasts the value, or is quantised")
            return False
        full = table.array.reshape((1,) * (joined.rank - table.rank) + table.shape)
        lengths = [v.shape[axis] for v in concat.inputs if v is not None]
        sign = np.repeat(np.asarray(signs, full.dtype), lengths)
        signed = full * sign.reshape([-1 if i == axis else 1 for i in range(joined.rank)])
        parts = [_without_sign(v) for v in concat.inputs if v is not None]
        b = Builder(graph, op)
        graph.replace(op, b.emit(op.operator, b.emit(concat.operator, *parts), constant(signed, table.name)))
        return True


def _signs(graph: Graph, op: Op, joined: Value) -> list[int] | None:
    """The sign of each part of a concatenation that is used here alone; None where none is negated."""
    concat = joined.producer
    if concat is None or not isinstance(concat.operator, ops.Concatenation) or graph.sole_user(joined) is not op:
        return None
    values = [v for v in concat.inputs if v is not None]
    if not is_fixed(v.shape[_axis(concat, joined)] for v in values):
        return None
    signs = [-1 if _without_sign(v) is not v else 1 for v in values]
    return signs if -1 in signs else None


def _axis(concat: Op, joined: Value) -> int:
    operator: Any = concat.operator
    axis: int = operator.axis % joined.rank
    return axis


def _without_sign(value: Value) -> Value:
    """The x of neg(x), or the value itself."""
    maker = value.producer
    return maker.input if maker is not None and isinstance(maker.operator, ops.Neg) else value
