"""empty: what has no elements is not computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value, constant
from liteport.lowering.basic import cast, reshape, slice_
from liteport.passes.base import Pass


@dataclass(frozen=True)
class DropEmpty(Pass):
    """%1 = f(x), of shape [2, 0]   =>   a constant without elements

    Some of LiteRT's kernels crash on tensors without elements (REVERSE_V2 does). An output of the graph, which
    LiteRT does not return where it is such a constant, is cut out of an input instead.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in list(graph.ops):
            if not op.outputs or op.operator.stateful or any(v.type.size for v in op.outputs):
                continue
            values = [self._empty(graph, op, v) for v in op.outputs]
            if None not in values:
                graph.replace(op, *(v for v in values if v is not None))
                changed = True
        return changed

    def _empty(self, graph: Graph, op: Op, value: Value) -> Value | None:
        """What stands for a result without elements; None where there is nothing to cut it out of."""
        if value.dtype.is_raw or value.quantization is not None:
            return None
        if not graph.is_output(value):
            return constant(np.empty(value.shape, value.dtype.numpy), value.name)
        is_cut = isinstance(op.operator, ops.Slice | ops.Reshape | ops.Cast) and not op.input.is_const
        return None if is_cut else cut_out(Builder(graph, op), value)


def cut_out(b: Builder, value: Value) -> Value | None:
    """A value without elements like `value`, cut out of an input of the graph; None where there is none to cut from."""
    found = next((v for v in b.graph.inputs if not v.dtype.is_raw), None)
    if found is None:
        found = b.const(np.zeros(1, np.float32))
    source = found if found.rank else reshape(b, found, (1,))
    nothing = slice_(b, source, [0] * source.rank, [0] * source.rank)
    return cast(b, reshape(b, nothing, value.shape), value.dtype)
