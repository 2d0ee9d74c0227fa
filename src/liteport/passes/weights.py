"""Where linear kernels have their operands, and their weights their channels."""

from __future__ import annotations

from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.ops.base import Operator

WEIGHTS = 1


@dataclass(frozen=True)
class Weighted:
    """Operand numbers of the data and the bias; dimensions of the weights (operand 1) with the channels."""

    data: int
    bias: int
    out_axis: int
    in_axis: int | None  # None: the weights have no dimension of their own for input channels


WEIGHTED: dict[type[Operator], Weighted] = {
    ops.Conv2D: Weighted(data=0, bias=2, out_axis=0, in_axis=3),
    ops.DepthwiseConv2D: Weighted(data=0, bias=2, out_axis=3, in_axis=None),
    ops.FullyConnected: Weighted(data=0, bias=2, out_axis=0, in_axis=1),
    ops.TransposeConv: Weighted(data=2, bias=3, out_axis=0, in_axis=3),
    ops.Conv3D: Weighted(data=0, bias=2, out_axis=4, in_axis=3),
    ops.Conv3DTranspose: Weighted(data=2, bias=3, out_axis=3, in_axis=4),
}
