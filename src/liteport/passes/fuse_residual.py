"""fuse_residual: a convolution added to its own input has the input in its weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.graph import Graph, Op, Value, constant
from liteport.ir.ops.base import Activation, Padding
from liteport.ir.types import DType
from liteport.passes.base import Pass
from liteport.passes.weights import WEIGHTS


@dataclass(frozen=True)
class FuseResidual(Pass):
    """add(depthwise(x, w), x)   =>   depthwise(x, w with 1 added at its centre)

    Positional encodings by convolution, mostly. The kernel must leave the centre of its window at the place of its
    result: stride 1, SAME, an odd window.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for add in graph.find(ops.Add):
            found = _residual(graph, add)
            if found is None:
                continue
            conv, x = found
            if why := _blocked(conv, x):
                self.decline(add, why)
                continue
            weights = conv.operand(WEIGHTS)
            centred = weights.array.copy()
            centred[0, weights.shape[1] // 2, weights.shape[2] // 2] += 1
            graph.set_input(conv, WEIGHTS, constant(centred, weights.name))
            graph.replace(add, conv.output)
            changed = True
        return changed


def _residual(graph: Graph, add: Op) -> tuple[Op, Value] | None:
    """The depthwise convolution that an ADD adds to its input, and the input."""
    plain: Any = add.operator
    for made, x in ((add.operand(0), add.operand(1)), (add.operand(1), add.operand(0))):
        conv = made.producer
        depthwise = conv is not None and isinstance(conv.operator, ops.DepthwiseConv2D)
        if conv is not None and depthwise and conv.input is x and graph.sole_user(made) is add:
            return (conv, x) if plain.activation is Activation.NONE else None
    return None


def _blocked(conv: Op, x: Value) -> str:
    """Why the convolution cannot take its input in; empty where it can."""
    depthwise: Any = conv.operator
    weights = conv.operand(WEIGHTS)
    if depthwise.activation is not Activation.NONE:
        return "an activation stands between"
    if x.quantization is not None or not weights.is_const or weights.dtype is not DType.FLOAT32:
        return "its weights are not float constants"
    if depthwise.stride != (1, 1) or depthwise.padding is not Padding.SAME or x.type != conv.output.type:
        return "its window is not centred on its result"
    if not np.all(np.asarray(weights.shape[1:3]) % 2):
        return "its window has no centre"
    return ""
