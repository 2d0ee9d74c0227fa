"""What convolutions see of their input: the window's steps, and the padding around it, whoever writes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from liteport.ir import ops
from liteport.ir.graph import Op, Value
from liteport.ir.ops.base import Padding
from liteport.ir.sizes import is_fixed
from liteport.ir.types import DType
from liteport.lowering.padding import same

Pads = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True)
class Window:
    """A kernel over x[N,H,W,C]: (before, after) of padding along height and width, and its steps."""

    x: Value
    pads: Pads
    stride: tuple[int, int]
    dilation: tuple[int, int]
    out: tuple[int, int]

    def tile_pads(self, first: Sequence[int], taps: Sequence[int]) -> Pads:
        """The padding for a part of the kernel, `taps` from tap `first` on: negative where it leaves elements out."""
        spans = []
        for i in (0, 1):
            start = first[i] * self.dilation[i] - self.pads[i][0]
            end = start + (self.out[i] - 1) * self.stride[i] + (taps[i] - 1) * self.dilation[i] + 1
            spans.append((-start, self._after(end - self.x.shape[1 + i], self.stride[i])))
        return spans[0], spans[1]

    @staticmethod
    def _after(pad: int, stride: int) -> int:
        """Elements behind the last window that are fewer than a step stay: they make no window more."""
        return 0 if is_fixed((pad,)) and -stride < pad < 0 else pad


def padded_ops(op: Op) -> tuple[Op, ...]:
    """The convolution, and in front of it the PAD that pads for it alone in height and width, if there is one."""
    pad = op.input.producer
    return (pad, op) if pad is not None and pads_space(pad) and _is_valid(op) else (op,)


def window(ops_: Sequence[Op]) -> Window:
    """The window of a convolution, or of a PAD and a convolution."""
    op = ops_[-1]
    operator: Any = op.operator
    x, kernel, out = op.input, op.operand(1).shape[1:3], op.output.shape[1:3]
    if len(ops_) > 1:
        amounts = ops_[0].operand(1).array.reshape(-1, 2)
        pads = [(int(p), int(q)) for p, q in amounts[1:3]]
        x = ops_[0].input
    elif _is_valid(op):
        pads = [(0, 0), (0, 0)]
    else:
        steps = zip(x.shape[1:3], kernel, operator.stride, operator.dilation, strict=True)
        pads = [same(*step) for step in steps]
    return Window(x, (pads[0], pads[1]), operator.stride, operator.dilation, (out[0], out[1]))


def is_plain(op: Op) -> bool:
    """Whether the convolution is one of float32 with constant weights, and nothing is quantised."""
    parts = [v for v in op.inputs if v is not None]
    constant = all(v.is_const and not v.has_sizes for v in parts[1:])
    return constant and all(v.dtype is DType.FLOAT32 and v.quantization is None for v in (*parts, op.output))


def _is_valid(op: Op) -> bool:
    operator: Any = op.operator
    return operator.padding is Padding.VALID


def pads_space(pad: Op) -> bool:
    if not isinstance(pad.operator, ops.Pad) or not pad.operand(1).is_const or pad.operand(1).has_sizes:
        return False
    amounts = pad.operand(1).array.reshape(-1, 2)
    return len(amounts) == 4 and not amounts[[0, -1]].any()
