"""hoist_layers: what a loop makes of each row of a value is made of all rows at once, before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, Op, Value, constant
from liteport.passes.base import Pass
from liteport.passes.loops import Loop, loops

# FULLY_CONNECTED stops here (see lowering/matmul.py).
_LINEAR_RANK = 5


@dataclass(frozen=True)
class HoistLayers(Pass):
    """while(t, x), with linear(x[t], w) in step t   =>   while(t, y), with y[t], where y = linear(x, w)

    The input's share of a recurrent layer, as TensorFlow writes it: the weights are read once, not in every step.
    Only where the loop counts through all rows: elsewhere it may not need them.
    """

    module: Module

    def run(self, graph: Graph) -> bool:
        changed = False
        for loop in loops(self.module, graph):
            for op in loop.body.find(ops.FullyConnected):
                if (why := _blocked(loop, op)) is not None:
                    self.decline(op, why)
                    continue
                loop = _hoisted(loop, op)
                changed = True
        return changed


def _blocked(loop: Loop, op: Op) -> str | None:
    gather = op.input.producer
    if gather is None or gather.operator != ops.Gather() or gather.operand(1).rank:
        return "its input is no row"
    source, step = loop.place(gather.input), loop.place(gather.operand(1))
    if source is None or step is None or not loop.is_kept(source):
        return "its input is no row of a value from outside, by the number of a step"
    if not loop.counts(step) or loop.steps() != gather.input.shape[0]:
        return "the loop does not count through all rows"
    weights = [value for value in op.inputs[1:] if value is not None]
    if any(not value.is_const or value.quantization is not None for value in weights):
        return "its weights are computed, or quantised"
    shape = (*gather.output.shape[:-1], op.operand(1).shape[0])
    return None if op.output.shape == shape and len(shape) < _LINEAR_RANK else "its result is of another shape"


def _hoisted(loop: Loop, op: Op) -> Loop:
    """The loop with the layer before it."""
    gather, layer = cast(Op, op.input.producer), cast(ops.FullyConnected, op.operator)
    source = cast(int, loop.place(gather.input))
    weights = [None if v is None else constant(v.array, v.name) for v in op.inputs[1:]]
    b = Builder(loop.graph, loop.op)
    rows = b.emit(replace(layer, keep_num_dims=True), loop.op.operand(source), *weights)
    rows.name = op.output.name
    loop, inner = loop.with_outer(rows)
    loop.body.replace(op, Builder(loop.body, op).emit(ops.Gather(), inner, gather.operand(1)))
    if not gather.output.uses:
        loop.body.erase(gather)
    unused = not loop.body.inputs[source].uses and not loop.test.inputs[source].uses and not _is_used(loop, source)
    return loop.without(source) if unused else loop


def _is_used(loop: Loop, place: int) -> bool:
    result: Value = loop.op.outputs[place]
    return (
        bool(result.uses)
        or loop.graph.is_output(result)
        or sum(v is loop.body.inputs[place] for v in loop.body.outputs) > 1
    )
