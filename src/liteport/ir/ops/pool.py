"""Windows without weights: pooling, resizing, dilation. Channels are last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from liteport.ir.ops.base import (
    BOOL,
    FLOAT,
    HALF,
    INDEX,
    INT32,
    PLAIN,
    SMALL,
    Activation,
    DTypes,
    Operator,
    Padding,
    Types,
    constant_ints,
    operands,
    sizes,
)
from liteport.ir.ops.conv import windows
from liteport.ir.types import DType, TensorType

if TYPE_CHECKING:
    from liteport.ir.graph import Value


@dataclass(frozen=True)
class _Pool(Operator):
    """x[N,H,W,C] -> [N,H',W',C], by windows of `filter`."""

    max_rank: ClassVar[int] = 4
    padding: Padding = Padding.VALID
    stride: tuple[int, int] = (1, 1)
    filter: tuple[int, int] = (1, 1)
    activation: Activation = Activation.NONE

    def infer(self, *inputs: Value | None) -> Types:
        (x,) = operands(self, inputs, 1)
        if x.rank != 4:
            raise self.fail(f"input {x.type} is not of rank 4")
        spatial = windows(self, self.padding, x.shape[1:3], self.filter, self.stride)
        return (TensorType(x.dtype, (x.shape[0], *spatial, x.shape[3])),)


@dataclass(frozen=True)
class AveragePool2D(_Pool):
    """The mean of each window; elements of SAME's padding do not count."""

    name: ClassVar[str] = "AVERAGE_POOL_2D"
    dtypes: ClassVar[DTypes] = FLOAT | HALF


@dataclass(frozen=True)
class MaxPool2D(_Pool):
    """The largest of each window."""

    name: ClassVar[str] = "MAX_POOL_2D"
    dtypes: ClassVar[DTypes] = FLOAT | SMALL


@dataclass(frozen=True)
class L2Pool2D(_Pool):
    """The root of the mean square of each window."""

    name: ClassVar[str] = "L2_POOL_2D"
    dtypes: ClassVar[DTypes] = FLOAT


@dataclass(frozen=True)
class _Resize(Operator):
    """x[N,H,W,C] -> [N,h,w,C]; the size (h, w) is input 1, int32."""

    max_rank: ClassVar[int] = 4
    align_corners: bool = False
    half_pixel_centers: bool = False

    def infer(self, *inputs: Value | None) -> Types:
        x, size = operands(self, inputs, 2)
        height, width = sizes(self, constant_ints(self, size, "the size", 2))
        if x.rank != 4:
            raise self.fail(f"input {x.type} is not of rank 4")
        return (TensorType(x.dtype, (x.shape[0], height, width, x.shape[3])),)


@dataclass(frozen=True)
class ResizeBilinear(_Resize):
    """Linear interpolation between pixels."""

    name: ClassVar[str] = "RESIZE_BILINEAR"
    dtypes: ClassVar[DTypes] = FLOAT


@dataclass(frozen=True)
class ResizeNearestNeighbor(_Resize):
    """The nearest pixel."""

    name: ClassVar[str] = "RESIZE_NEAREST_NEIGHBOR"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | INT32 | BOOL | SMALL | {DType.UINT16, DType.UINT32}


@dataclass(frozen=True)
class ReduceWindow(Operator):
    """Windows over every dimension: x, initial value, then constant int64 vectors: window shape, strides, dilations.

    `reduce_function` is ADD, MUL, MINIMUM, MAXIMUM, ALL or ANY. No padding.
    """

    name: ClassVar[str] = "REDUCE_WINDOW"
    dtypes: ClassVar[DTypes] = FLOAT | INDEX | SMALL
    max_rank: ClassVar[int] = 6
    reduce_function: str = "ADD"

    def infer(self, *inputs: Value | None) -> Types:
        x, _, *settings = operands(self, inputs, 5)
        shape, stride, dilation = (tuple(constant_ints(self, v, "the window", x.rank)) for v in settings)
        return (TensorType(x.dtype, windows(self, Padding.VALID, x.shape, shape, stride, dilation)),)


@dataclass(frozen=True)
class Dilate(Operator):
    """`dilations` (input 1) spread the elements of x apart; the gaps hold the scalar padding value (input 2)."""

    name: ClassVar[str] = "DILATE"
    dtypes: ClassVar[DTypes] = PLAIN
    max_rank: ClassVar[int] = 6

    def infer(self, *inputs: Value | None) -> Types:
        x, dilations, _ = operands(self, inputs, 3)
        steps = constant_ints(self, dilations, "the dilations", x.rank)
        return (TensorType(x.dtype, sizes(self, ((d - 1) * s + 1 for d, s in zip(x.shape, steps, strict=True)))),)
