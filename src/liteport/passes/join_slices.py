"""join_slices: slices of one that cut a value up are one split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.sizes import is_fixed
from liteport.ir.types import DType
from liteport.lowering.basic import scalar
from liteport.passes.base import Pass

_MOST = 4  # SPLIT into more parts leaves XNNPACK


@dataclass(frozen=True)
class JoinSlices(Pass):
    """x[0:1], x[1:2], x[2:3]   =>   split(x, 3)

    Queries, keys and values picked out of a projection by index: a split of ones is then cut along a larger dimension
    (merge_cut). Longer slices stay: as a split they run slower (Llama by 2 percent, measured on XNNPACK).
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for value in {op.input: None for op in graph.find(ops.Slice)}:
            for axis in range(value.rank):
                parts = _parts(value, axis)
                if parts:
                    _join(graph, value, axis, parts)
                    changed = True
        return changed


def _parts(value: Value, axis: int) -> list[Op]:
    """The slices that cut `value` into ones along `axis`, in order; none where they do not."""
    if value.is_const or value.dtype not in ops.Split.dtypes or value.rank > ops.Split.max_rank:
        return []
    if value.quantization is not None or not is_fixed((value.shape[axis],)):
        return []
    slices = [op for op in value.users if isinstance(op.operator, ops.Slice) and _cuts(op, axis)]
    wanted = list(range(value.shape[axis])) if 2 <= value.shape[axis] <= _MOST else []
    starts = [int(op.operand(1).array[axis]) for op in slices]
    return sorted(slices, key=lambda op: op.operand(1).array[axis]) if wanted and sorted(starts) == wanted else []


def _cuts(op: Op, axis: int) -> bool:
    """Whether a slice takes one along `axis`, and all of the other dimensions."""
    begin, whole, part = op.operand(1), op.input.shape, op.output.shape
    if not begin.is_const or begin.has_sizes:
        return False
    return part[axis] == 1 and all(part[i] == whole[i] for i in range(len(whole)) if i != axis)


def _join(graph: Graph, value: Value, axis: int, parts: Sequence[Op]) -> None:
    b = Builder(graph, min(parts, key=graph.ops.index))
    results = b.emit_many(ops.Split(num_splits=len(parts)), scalar(b, axis, DType.INT32), value)
    for op, result in zip(parts, results, strict=True):
        graph.replace(op, result)
