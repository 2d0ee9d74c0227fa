"""fuse_repeat: matrices that several others share are not repeated for them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.sizes import is_fixed
from liteport.lowering.basic import reshape
from liteport.passes.base import Pass
from liteport.passes.moves import Movement, above


@dataclass(frozen=True)
class FuseRepeat(Pass):
    """batch_matmul(x[8,L,E], reshape(broadcast_to(y[4,1,E,S])))   =>   reshape(batch_matmul(reshape(x)[4,2L,E], y))

    Attention whose key heads each serve several query heads: the rows of those queries follow each other, and make up
    one larger matrix. What repeats is a BROADCAST_TO or TILE along a dimension of 1, behind which movements may stand.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in graph.find(ops.BatchMatmul):
            found = _repeated(graph, op.operand(1))
            if found is None:
                continue
            source, movement, count = found
            if why := _blocked(op):
                self.decline(op, why)
                continue
            x, b = op.input, Builder(graph, op)
            rows = (*x.shape[:-3], x.shape[-3] // count, count * x.shape[-2], x.shape[-1])
            product = b.emit(op.operator, reshape(b, x, rows), movement.emit(b, source))
            graph.replace(op, reshape(b, product, op.output.shape))
            changed = True
        return changed


def _blocked(op: Op) -> str:
    """Why the rows cannot be put together; empty where they can."""
    matmul: Any = op.operator
    x, y = op.input, op.operand(1)
    if matmul.adj_x:
        return "the rows of its first operand are columns"
    if x.rank != y.rank or x.shape[-3] != y.shape[-3]:
        return "its first operand has not as many matrices"
    return ""


def _repeated(graph: Graph, value: Value) -> tuple[Value, Movement, int] | None:
    """What is repeated into `value`, how it moves to be `value` without the repetition, and how often each is there.

    None where nothing is, or not each matrix so many times in a row.
    """
    if graph.sole_user(value) is None or value.rank < 3:
        return None
    chain = above(graph, value)
    wide = chain[0].input if chain else value
    repeat = wide.producer
    axis = _repeated_axis(repeat) if repeat is not None and graph.sole_user(wide) is not None else None
    whole = Movement.along(chain, wide.shape) if axis is not None else None
    if repeat is None or axis is None or whole is None:
        return None
    count, target = wide.shape[axis], whole.target
    factor = whole.factor_after(prod(wide.shape[:axis]))
    if factor is None or whole.sizes[factor] != count or whole.runs()[-3][-1:] != (factor,):
        return None
    fewer = (*target[:-3], target[-3] // count, *target[-2:])
    return repeat.input, whole.without(factor, fewer), count


def _repeated_axis(op: Op) -> int | None:
    """The one dimension of 1 that an operation repeats; None where it does something else."""
    if not isinstance(op.operator, ops.BroadcastTo | ops.Tile) or op.input.quantization is not None:
        return None
    have = (1,) * (op.output.rank - op.input.rank) + op.input.shape
    longer = [axis for axis, (a, b) in enumerate(zip(have, op.output.shape, strict=True)) if a != b]
    if len(longer) != 1 or have[longer[0]] != 1 or not is_fixed((op.output.shape[longer[0]],)):
        return None
    return longer[0]
