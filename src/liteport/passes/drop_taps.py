"""drop_taps: what of a kernel sees nothing but padding is left out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op
from liteport.ir.ops.base import Padding
from liteport.ir.sizes import is_fixed
from liteport.lowering.padding import pad_or_crop
from liteport.passes.base import Pass
from liteport.passes.window import Window, is_plain, padded_ops, window


@dataclass(frozen=True)
class DropTaps(Pass):
    """conv(pad(x, 24), w[3,3], dilation 24)   =>   conv(x, w[1,1]);    linear(pad(x), w[C+4])   =>   linear(x, w[C])

    The outer rows and columns of widely dilated kernels over small maps, of kernels larger than the map, and of those
    over maps that a pooling has left one place of; the columns of layers for channels that are padding.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in graph.find(ops.Conv2D, ops.DepthwiseConv2D):
            changed |= self.fuse(graph, op)
        for op in graph.find(ops.Conv2D, ops.FullyConnected):
            changed |= self.fuse_channels(graph, op)
        return changed

    def fuse(self, graph: Graph, op: Op) -> bool:
        weights = op.operand(1)
        seen = window(padded_ops(op))
        if not is_fixed((*seen.x.shape[1:3], *seen.out)) or not is_plain(op):
            return False
        rows, columns = (_seeing(seen, axis, weights.shape[1 + axis]) for axis in (0, 1))
        taps = len(rows), len(columns)
        if taps == weights.shape[1:3] or 0 in taps:
            return False
        b, operator = Builder(graph, op), self._smaller(op, taps)
        x = pad_or_crop(b, seen.x, (*seen.tile_pads((rows[0], columns[0]), taps), (0, 0)))
        kernel = np.ascontiguousarray(weights.array[:, rows.start : rows.stop, columns.start : columns.stop])
        graph.replace(op, b.emit(operator, x, b.const(kernel, name=weights.name), *op.inputs[2:]))
        return True

    def fuse_channels(self, graph: Graph, op: Op) -> bool:
        pad, weights, operator = op.input.producer, op.operand(1), op.operator
        if pad is None or not isinstance(pad.operator, ops.Pad) or not is_plain(op):
            return False
        if not pad.operand(1).is_const or pad.operand(1).has_sizes:
            return False
        if weights.shape[-1] != op.input.shape[-1] or getattr(operator, "keep_num_dims", True) is False:
            return False
        *others, (before, after) = [(int(p), int(q)) for p, q in pad.operand(1).array.reshape(-1, 2)]
        if not before and not after:
            return False
        b = Builder(graph, op)
        kernel = np.ascontiguousarray(weights.array[..., before : weights.shape[-1] - after])
        x = pad_or_crop(b, pad.input, [*others, (0, 0)])
        graph.replace(op, b.emit(operator, x, b.const(kernel, name=weights.name), *op.inputs[2:]))
        return True

    def _smaller(self, op: Op, taps: tuple[int, int]) -> ops.Conv2D | ops.DepthwiseConv2D:
        operator: Any = op.operator
        dilation = tuple(d if n > 1 else 1 for d, n in zip(operator.dilation, taps, strict=True))
        smaller: ops.Conv2D | ops.DepthwiseConv2D = replace(operator, padding=Padding.VALID, dilation=dilation)
        return smaller


def _seeing(seen: Window, axis: int, taps: int) -> range:
    """From the first to the last tap along height (0) or width (1) that sees an element of x at some place."""
    size, (before, _) = seen.x.shape[1 + axis], seen.pads[axis]
    places = np.arange(seen.out[axis]) * seen.stride[axis] - before
    at = places[None] + np.arange(taps)[:, None] * seen.dilation[axis]
    sees = np.flatnonzero(((at >= 0) & (at < size)).any(axis=1))
    return range(int(sees[0]), int(sees[-1]) + 1) if len(sees) else range(0)
