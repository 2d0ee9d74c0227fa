"""fuse_flatten: a linear layer over a flattened map takes the map in the order in which it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, constant
from liteport.ir.types import Array
from liteport.lowering.basic import reshape
from liteport.passes.base import Pass
from liteport.passes.layout.orders import invert


@dataclass(frozen=True)
class FuseFlatten(Pass):
    """linear(reshape(transpose(x)), w)   =>   linear(reshape(x), w with its columns permuted)"""

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in graph.find(ops.FullyConnected):
            flat = op.input.producer
            moved = flat.input.producer if flat is not None and isinstance(flat.operator, ops.Reshape) else None
            if flat is None or moved is None or not isinstance(moved.operator, ops.Transpose):
                continue
            columns = _columns(moved, flat, op)
            if columns is None:
                self.decline(op, "the transpose moves more than what the reshape flattens")
                continue
            weights = op.operand(1)
            permuted = constant(weights.array[:, columns], weights.name)
            permuted.quantization = weights.quantization
            graph.set_input(op, 1, permuted)
            graph.set_input(op, 0, reshape(Builder(graph, op), moved.input, flat.output.shape))
            changed = True
        return changed


def _columns(moved: Op, flat: Op, op: Op) -> Array | None:
    """Where each column of the new weights stands in the old ones; None where the rows are not flattened whole."""
    weights, perm = op.operand(1), moved.operand(1)
    scales = weights.quantization
    if not weights.is_const or not perm.is_const or weights.dtype.is_raw:
        return None
    if scales is not None and len(scales.scale) > 1 and scales.axis != 0:
        return None
    order = tuple(int(i) for i in perm.array)
    rows, size, lead = flat.output.shape[:-1], 1, len(order)
    while lead and size < weights.shape[1]:
        lead -= 1
        size *= moved.output.shape[lead]
    kept = tuple(range(lead))
    if size != weights.shape[1] or order[:lead] != kept or prod(rows) * size != moved.output.type.size:
        return None
    back = [i - lead for i in invert(order)[lead:]]
    columns: Array = np.arange(size).reshape(moved.output.shape[lead:]).transpose(back).reshape(-1)
    return columns
