"""How LiteRT's kernels for 8 bits want their operands and results quantised, by operator.

Each row was checked by running the kernel against the exact result: all give the nearest number, or one beside it.
What is here has kernels for int8 and for uint8, but where a row says otherwise.
Operators without a row, and those of which a row says so, stay floats between DEQUANTIZE and QUANTIZE. So do, unless
few and plain operators are wanted, those whose kernel is slower than that: outside XNNPACK (against three operators in
it, on x86: average pooling 5.7 times, ReLU 13, hard swish 5, GELU and softmax 1.5 times as slow), or as fast and less
exact (leaky ReLU and bilinear resizing, a tenth to a fifth of whose numbers are one off).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from liteport.ir import ops
from liteport.ir.graph import Op
from liteport.ir.types import Quantization
from liteport.passes.weights import WEIGHTED


class Scale(Enum):
    """What scale a result may have."""

    FREE = auto()  # any, whatever the operands'
    SAME = auto()  # the operands', which moving or choosing elements keeps
    EQUAL = auto()  # the operands', though the result is computed: it must be that which is asked for


@dataclass(frozen=True)
class Row:
    """Which operands are quantised tensors (None: all), and the result's scale: a rule, or the one there is (int8)."""

    data: tuple[int, ...] | None = (0,)
    result: Scale | Quantization = Scale.FREE
    in_uint8: bool = True
    slower: bool = False
    unless: Callable[[Op], str] = lambda op: ""


def _moves_out(op: Op) -> str:
    """PADV2 with anything but the least there is, which max pooling never takes."""
    pools = all(isinstance(user.operator, ops.MaxPool2D) for user in _through_quantize(op.output.users))
    least = op.operand(2).is_const and float(op.operand(2).array.reshape(())) < -1e30
    return "" if pools and least else "it pads with a number of its own"


def _through_quantize(users: Iterable[Op]) -> Iterator[Op]:
    """The users, those of the result in the place of a QUANTIZE."""
    for user in users:
        yield from user.output.users if isinstance(user.operator, ops.Quantize) else (user,)


PAIR = Row(data=(0, 1))
MOVES = Row(result=Scale.SAME)
ALL_MOVE = Row(data=None, result=Scale.SAME)
CHOOSES = Row(data=(0, 1), result=Scale.EQUAL)
UNIT = Quantization((1 / 256,), (-128,))

ROWS: dict[type[ops.Operator], Row] = {
    **{kind: Row(data=(row.data,)) for kind, row in WEIGHTED.items() if kind not in (ops.Conv3D, ops.Conv3DTranspose)},
    ops.Add: PAIR,
    ops.Sub: PAIR,
    ops.Mul: PAIR,
    ops.BatchMatmul: Row(data=(0, 1), in_uint8=False),
    ops.Mean: Row(),
    ops.LeakyRelu: Row(slower=True),
    ops.Relu: Row(slower=True),
    ops.Relu6: Row(slower=True),
    ops.HardSwish: Row(slower=True),
    ops.Gelu: Row(slower=True),
    ops.Elu: Row(slower=True, in_uint8=False),
    ops.Prelu: Row(data=(0, 1), slower=True),
    ops.AveragePool2D: Row(result=Scale.EQUAL, slower=True),
    ops.ResizeBilinear: Row(result=Scale.EQUAL, slower=True),
    ops.Maximum: CHOOSES,
    ops.Minimum: CHOOSES,
    ops.Logistic: Row(result=UNIT),
    ops.Softmax: Row(result=UNIT, slower=True),
    ops.Tanh: Row(result=Quantization((1 / 128,), (0,))),
    ops.Concatenation: ALL_MOVE,
    ops.Pack: ALL_MOVE,
    ops.MaxPool2D: MOVES,
    ops.ReduceMax: MOVES,
    ops.ReduceMin: MOVES,
    ops.Reshape: MOVES,
    ops.Transpose: MOVES,
    ops.Squeeze: MOVES,
    ops.ExpandDims: MOVES,
    ops.Slice: MOVES,
    ops.StridedSlice: MOVES,
    ops.Gather: MOVES,
    ops.Tile: MOVES,
    ops.Pad: MOVES,
    ops.PadV2: Row(result=Scale.SAME, unless=_moves_out),
    ops.MirrorPad: Row(result=Scale.SAME, in_uint8=False),
    ops.Split: Row(data=(1,), result=Scale.SAME),
    ops.SplitV: MOVES,
    ops.Unpack: MOVES,
    ops.DepthToSpace: MOVES,
    ops.SpaceToDepth: MOVES,
    ops.ResizeNearestNeighbor: MOVES,
}
