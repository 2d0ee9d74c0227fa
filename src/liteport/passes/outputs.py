"""outputs: every output of a graph is a tensor of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Value, constant
from liteport.ir.sizes import is_fixed
from liteport.lowering.basic import ints
from liteport.passes.base import Pass
from liteport.passes.empty import cut_out

_LOSING = (ops.Where, ops.Slice, ops.StridedSlice, ops.TopkV2)


@dataclass(frozen=True)
class OwnOutputs(Pass):
    """return x, %1, %1   =>   return reshape(x), %1, reshape(%1)

    LiteRT's CompiledModel returns garbage for an output that is also an input, a constant, or another output.
    In the body of a loop the kernel hands outputs to inputs one after the other, so an input may not come out at
    another place (a swap would lose one). There an input at its own place stays, which spares the copy, and so does
    a constant: the built-in kernels crash on a reshape of one. LiteRT's interpreter does not return what some kernels
    of its own give, where that is of no elements for once.
    """

    def run(self, graph: Graph) -> bool:
        b = Builder(graph)
        own: list[Value] = []
        for place, value in enumerate(graph.outputs):
            own.append(value if _is_own(graph, place, own) else _copy(b, value))
        changed = any(new is not old for new, old in zip(own, graph.outputs, strict=True))
        graph.outputs = own
        return changed


def _is_own(graph: Graph, place: int, before: Sequence[Value]) -> bool:
    """Whether output number `place`, after those `before` it, can stay as it is."""
    value = graph.outputs[place]
    if any(value is other for other in before) or _may_be_lost(value):
        return False
    may_stay = graph.signature is None and (value.is_const or value in graph.inputs[place : place + 1])
    return value.producer is not None or may_stay


def _may_be_lost(value: Value) -> bool:
    """Whether LiteRT refuses to return a result ("Invalid tensor size") that turns out to have no elements."""
    maker = value.producer
    return maker is not None and isinstance(maker.operator, _LOSING) and not is_fixed(value.shape)


def _copy(b: Builder, value: Value) -> Value:
    """A reshape to the value's own shape: the one kernel that copies any type. LiteRT does not return a constant
    without elements: it is cut out of an input."""
    if value.is_const and b.graph.signature is None:
        return constant(value.array, value.name, value.dtype, value.shape)
    if value.is_const and not value.type.size and (nothing := cut_out(b, value)) is not None:
        return nothing
    copy = b.emit(ops.Reshape(), value, ints(b, value.shape), name=f"{value.name}_copy")
    copy.quantization = value.quantization
    return copy
