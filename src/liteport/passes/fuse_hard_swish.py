"""fuse_hard_swish: a product of x and its clamped line becomes the operator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.types import DType
from liteport.passes.base import Pass
from liteport.passes.products import Product, is_plain, number, product


@dataclass(frozen=True)
class FuseHardSwish(Pass):
    """x * relu6(x + 3) / 6   =>   hard_swish(x), wherever the sixth stands"""

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in graph.find(ops.Mul, ops.Div):
            x = _argument(op)
            if x is not None:
                graph.replace(op, Builder(graph, op).emit(ops.HardSwish(), x))
                changed = True
        return changed


def _argument(op: Op) -> Value | None:
    """The x of which a product is the hard swish."""
    if not op.outputs or op.output.dtype is not DType.FLOAT32:
        return None
    found = product(op)
    if found is None or len(found.factors) != 2 or not np.isclose(found.number, 1 / 6, rtol=1e-6, atol=0):
        return None
    return next((x for x in found.factors if _is_gate(found, x) and x.type == op.output.type), None)


def _is_gate(found: Product, x: Value) -> bool:
    """Whether the other factor is relu6(x + 3)."""
    (gate,) = (f for f in found.factors if f is not x) if len(set(found.factors)) == 2 else (x,)
    clamp = gate.producer
    if clamp is None or not isinstance(clamp.operator, ops.Relu6):
        return False
    add = clamp.input.producer
    if add is None or not isinstance(add.operator, ops.Add) or not is_plain(add):
        return False
    pairs = ((add.operand(0), add.operand(1)), (add.operand(1), add.operand(0)))
    return any(one is x and number(three) == 3 for one, three in pairs)
