"""fuse_pad: explicit padding becomes SAME where that pads alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op
from liteport.ir.ops.base import Padding
from liteport.lowering.padding import is_same
from liteport.passes.base import Pass
from liteport.passes.signs import not_negative


@dataclass(frozen=True)
class FusePad(Pass):
    """%1 = pad(x, 1); %2 = conv(%1, VALID)   =>   %2 = conv(x, SAME)

    SAME pads to ceil(size / stride) positions, the odd element last; where the source pads otherwise the
    PAD stays (XNNPACK fuses it with the convolution when it runs). Before a max pooling over values that are
    never negative it becomes one of zeros, which XNNPACK runs and PADV2 it does not.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in graph.find(ops.Conv2D, ops.DepthwiseConv2D, ops.Conv3D, ops.MaxPool2D):
            pad = op.input.producer
            if pad is None or not isinstance(pad.operator, ops.Pad | ops.PadV2):
                continue
            if why := self.blocked(pad, op):
                self.decline(op, why)
                changed |= _fill_with_zeros(graph, pad, op)
                continue
            operator: Any = op.operator
            op.operator, op.version = replace(operator, padding=Padding.SAME), None
            graph.set_input(op, 0, pad.input)
            changed = True
        return changed

    def blocked(self, pad: Op, op: Op) -> str:
        """Why SAME does not pad as `pad` does; empty where it does."""
        operator: Any = op.operator
        if operator.padding is not Padding.VALID or not pad.operand(1).is_const:
            return "its padding is not VALID over a constant PAD"
        if pad.input.quantization is not None or not self.fills(pad, op):
            return "the padding value is not the kernel's own"
        amounts = pad.operand(1).array.reshape(-1, 2)
        if np.any(amounts[[0, -1]]):
            return "it pads the batch or the channels"
        for axis, kernel, stride, dilation in _windows(op):
            size, before, count = pad.input.shape[axis], int(amounts[axis][0]), op.output.shape[axis]
            if not is_same(size, kernel, stride, dilation, before, count):
                return f"SAME pads dimension {axis} otherwise"
        return ""

    def fills(self, pad: Op, op: Op) -> bool:
        """Convolutions see zeros outside their input, max pooling nothing at all (-inf)."""
        value = float(pad.operand(2).array) if isinstance(pad.operator, ops.PadV2) and pad.operand(2).is_const else 0.0
        if isinstance(op.operator, ops.MaxPool2D):
            return value == -np.inf or (value <= float(np.finfo(np.float32).min))
        return value == 0.0 and not (isinstance(pad.operator, ops.PadV2) and not pad.operand(2).is_const)


def _fill_with_zeros(graph: Graph, pad: Op, op: Op) -> bool:
    """max_pool(padv2(relu(x), -inf))   =>   max_pool(pad(relu(x)))"""
    pools = isinstance(op.operator, ops.MaxPool2D) and isinstance(pad.operator, ops.PadV2)
    if not pools or not_negative(graph, pad.input) is None or graph.sole_user(pad.output) is None:
        return False
    stored = pad.input.quantization
    zero = stored.zero_point[0] if stored else 0
    if not pad.operand(2).is_const or float(pad.operand(2).array) > zero:
        return False
    zeros = Builder(graph, op).emit(ops.Pad(), pad.input, pad.operand(1))
    zeros.quantization = stored  # whose zero point PAD fills with
    graph.set_input(op, 0, zeros)
    return True


def _windows(op: Op) -> list[tuple[int, int, int, int]]:
    """(axis, kernel, stride, dilation) of each spatial dimension."""
    operator: Any = op.operator
    if isinstance(operator, ops.MaxPool2D):
        return [(i + 1, operator.filter[i], operator.stride[i], 1) for i in (0, 1)]
    weights = op.operand(1).shape
    first = 0 if isinstance(operator, ops.Conv3D) else 1
    return [(i + 1, weights[first + i], operator.stride[i], operator.dilation[i]) for i in range(op.input.rank - 2)]
