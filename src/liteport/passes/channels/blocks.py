"""block order: what is put together column by column is put together row by row, and the weights behind it know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.lowering.basic import reshape
from liteport.passes.base import Pass
from liteport.passes.channels.order import Reorder
from liteport.passes.common import permutation

# [N,rows,block,columns,block,C] with the columns of a block in front of its rows.
_COLUMNS_FIRST = (0, 1, 3, 4, 2, 5)


@dataclass(frozen=True)
class BlockOrder(Pass):
    """linear(reshape(transpose(reshape(x), [0,1,3,4,2,5])))   =>   linear'(space_to_depth(x))

    One operator of four dimensions in place of a movement of six.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in graph.find(ops.Transpose):
            joined = graph.sole_user(op.output)
            if joined is None or not _is_by_columns(op) or not isinstance(joined.operator, ops.Reshape):
                continue
            _, rows, block, columns, _, channels = op.input.shape
            if joined.output.shape[-1] != block * block * channels:
                continue
            plan = Reorder(graph)
            if not plan.taken(joined.output):
                self.decline(op, "what takes it cannot expect another order of channels")
                continue
            b = Builder(graph, joined)
            x = _whole(b, op.input, (op.input.shape[0], rows * block, columns * block, channels))
            graph.replace(joined, reshape(b, b.emit(ops.SpaceToDepth(block_size=block), x), joined.output.shape))
            graph.erase(op)
            plan.apply(np.arange(block * block * channels).reshape(block, block, channels).swapaxes(0, 1).ravel())
            changed = True
        return changed


def _is_by_columns(op: Op) -> bool:
    shape = op.input.shape
    return permutation(op) == _COLUMNS_FIRST and shape[2] == shape[4] > 1


def _whole(b: Builder, cut: Value, shape: tuple[int, ...]) -> Value:
    """What `cut` is a reshape of, or else is in that shape."""
    maker = cut.producer
    known = maker is not None and isinstance(maker.operator, ops.Reshape) and maker.input.shape == shape
    return maker.input if maker is not None and known else reshape(b, cut, shape)
