"""pad empty: windows and products never meet a dimension of none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.sizes import Size
from liteport.lowering import basic
from liteport.passes.base import Pass

_WINDOWS = (ops.Conv2D, ops.DepthwiseConv2D, ops.TransposeConv, ops.MaxPool2D, ops.AveragePool2D, ops.L2Pool2D)


@dataclass(frozen=True)
class PadEmpty(Pass):
    """conv(x[n,H,W,C])   =>   slice(conv(pad(x, 1 more)), n),   where n is counted when the model runs and may be 0

    XNNPACK's convolutions and pools leave the height and width of their result unset where there is no map, and its
    products refuse matrices without elements. What follows another such operation takes its longer result as it is.
    """

    def run(self, graph: Graph) -> bool:
        longer: dict[tuple[Value, tuple[int, ...]], Value] = {}
        changed = False
        for op in list(graph.ops):
            if not any(places := _places(op)):
                continue
            b = Builder(graph, op)
            inputs = list(op.inputs)
            for place, axes in enumerate(places):
                value = op.operand(place)
                if axes and (value, axes) not in longer:
                    longer[value, axes] = basic.pad(b, value, [(0, int(axis in axes)) for axis in range(value.rank)])
                inputs[place] = longer[value, axes] if axes else value
            if isinstance(op.operator, ops.TransposeConv):
                count, *rest = op.operand(0).array.tolist()
                inputs[0] = basic.ints(b, [count + 1, *rest])
            whole, shape = b.emit(op.operator, *inputs), op.outputs[0].shape
            first = basic.slice_(b, whole, [0] * whole.rank, shape)
            longer[first, tuple(a for a, size in enumerate(shape) if size != whole.shape[a])] = whole
            graph.replace(op, first)
            changed = True
        return changed


def _places(op: Op) -> Sequence[tuple[int, ...]]:
    """For each operand the axes that must not be empty and may be."""
    if isinstance(op.operator, _WINDOWS):
        main = op.operator.main
        return [()] * main + [_axes(op.operand(main), [0])]
    if isinstance(op.operator, ops.BatchMatmul):
        pair = [op.operand(0), op.operand(1)]
        # Batches of none are fine where there is nothing to broadcast.
        first = -2 if pair[0].shape[:-2] == pair[1].shape[:-2] else None
        return [_axes(value, range(value.rank)[first:]) for value in pair]
    return []


def _axes(value: Value, among: Sequence[int]) -> tuple[int, ...]:
    sizes = [(axis, value.shape[axis]) for axis in among]
    return tuple(axis for axis, size in sizes if isinstance(size, Size) and 0 in size.values)
