"""Convolutions and linear layers. Channels are last; weights have the kernel's own order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from liteport.ir.ops.base import (
    FLOAT,
    HALF,
    Activation,
    DTypes,
    Operator,
    Padding,
    Types,
    broadcast,
    constant_shape,
    given,
    operands,
)
from liteport.ir.types import Dim, DType, Shape, TensorType

if TYPE_CHECKING:
    from liteport.ir.graph import Value


def window(padding: Padding, size: Dim, kernel: int, stride: int, dilation: int = 1) -> Dim:
    """Output positions of a window of `kernel` over `size` elements (TFLite's ComputeOutSize)."""
    if padding is Padding.SAME:
        return -(-size // stride)
    return (size - (kernel - 1) * dilation - 1) // stride + 1


def windows(
    operator: Operator,
    padding: Padding,
    size: Shape,
    kernel: Shape,
    stride: tuple[int, ...],
    dilation: tuple[int, ...] | None = None,
) -> Shape:
    """`window` along every spatial dimension. Raises InvalidGraphError where nothing is left."""
    dilation = dilation or (1,) * len(size)
    if min(*stride, *dilation) < 1:
        raise operator.malformed(f"a kernel {kernel} at steps of {stride} with a dilation of {dilation}")
    if min(kernel) < 1:
        raise operator.fail(f"a kernel {kernel} with nothing in it")
    steps = zip(size, kernel, stride, dilation, strict=True)
    spatial = tuple(window(padding, *step) for step in steps)
    if any(d <= 0 for d in spatial):
        raise operator.fail(f"the kernel {kernel} is larger than its input {size}")
    return spatial


@dataclass(frozen=True)
class Conv2D(Operator):
    """x[N,H,W,C] * w[O,kh,kw,C/groups] + b[O]; groups follow from the shapes. The bias is mandatory."""

    name: ClassVar[str] = "CONV_2D"
    dtypes: ClassVar[DTypes] = FLOAT | HALF
    max_rank: ClassVar[int] = 4
    padding: Padding = Padding.VALID
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    activation: Activation = Activation.NONE
    quantized_bias_type: DType = DType.FLOAT32

    def infer(self, *inputs: Value | None) -> Types:
        x, w = operands(self, inputs, 2)
        if x.rank != 4 or w.rank != 4 or not w.shape[3] or x.shape[3] % w.shape[3]:
            raise self.fail(f"input {x.type} and weights {w.type} do not fit")
        spatial = windows(self, self.padding, x.shape[1:3], w.shape[1:3], self.stride, self.dilation)
        return (TensorType(x.dtype, (x.shape[0], *spatial, w.shape[0])),)


@dataclass(frozen=True)
class DepthwiseConv2D(Operator):
    """x[N,H,W,C] with w[1,kh,kw,C*multiplier] + b[C*multiplier], channel by channel. The bias is mandatory."""

    name: ClassVar[str] = "DEPTHWISE_CONV_2D"
    dtypes: ClassVar[DTypes] = FLOAT | HALF
    max_rank: ClassVar[int] = 4
    padding: Padding = Padding.VALID
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    depth_multiplier: int = 1
    activation: Activation = Activation.NONE

    def infer(self, *inputs: Value | None) -> Types:
        x, w = given(self, inputs, (0, 1), (3,))
        if x.rank != 4 or w.rank != 4 or w.shape[0] != 1 or w.shape[3] != x.shape[3] * self.depth_multiplier:
            raise self.fail(f"input {x.type}, weights {w.type}, multiplier {self.depth_multiplier} do not fit")
        spatial = windows(self, self.padding, x.shape[1:3], w.shape[1:3], self.stride, self.dilation)
        return (TensorType(x.dtype, (x.shape[0], *spatial, w.shape[3])),)


@dataclass(frozen=True)
class TransposeConv(Operator):
    """Gradient of Conv2D: output shape (int32[4]), w[O,kh,kw,C], x[N,H,W,C] and an optional b[O]."""

    name: ClassVar[str] = "TRANSPOSE_CONV"
    main: ClassVar[int] = 2
    dtypes: ClassVar[DTypes] = FLOAT
    max_rank: ClassVar[int] = 4
    padding: Padding = Padding.VALID
    stride: tuple[int, int] = (1, 1)
    activation: Activation = Activation.NONE
    quantized_bias_type: DType = DType.FLOAT32

    def infer(self, *inputs: Value | None) -> Types:
        shape, w, x = operands(self, inputs, 3)
        if x.rank != 4 or w.rank != 4 or w.shape[3] != x.shape[3]:
            raise self.fail(f"input {x.type} and weights {w.type} do not fit")
        out = constant_shape(self, shape, "the output shape")
        if len(out) != 4 or windows(self, self.padding, out[1:3], w.shape[1:3], self.stride) != x.shape[1:3]:
            raise self.fail(f"the output shape {out} does not lead back to {x.shape}")
        return (TensorType(x.dtype, out),)


@dataclass(frozen=True)
class Conv3D(Operator):
    """x[N,D,H,W,C] * w[kd,kh,kw,C,O] + b[O]; no groups."""

    name: ClassVar[str] = "CONV_3D"
    dtypes: ClassVar[DTypes] = FLOAT
    max_rank: ClassVar[int] = 5
    padding: Padding = Padding.VALID
    stride: tuple[int, int, int] = (1, 1, 1)
    dilation: tuple[int, int, int] = (1, 1, 1)
    activation: Activation = Activation.NONE

    def infer(self, *inputs: Value | None) -> Types:
        x, w = operands(self, inputs, 2)
        if x.rank != 5 or w.rank != 5 or x.shape[4] != w.shape[3]:
            raise self.fail(f"input {x.type} and weights {w.type} do not fit")
        spatial = windows(self, self.padding, x.shape[1:4], w.shape[:3], self.stride, self.dilation)
        return (TensorType(x.dtype, (x.shape[0], *spatial, w.shape[4])),)


@dataclass(frozen=True)
class Conv3DTranspose(Operator):
    """Gradient of Conv3D: output shape (int32[5]), w[kd,kh,kw,O,C], x[N,D,H,W,C] and an optional b[O]."""

    name: ClassVar[str] = "CONV_3D_TRANSPOSE"
    main: ClassVar[int] = 2
    dtypes: ClassVar[DTypes] = FLOAT
    max_rank: ClassVar[int] = 5
    padding: Padding = Padding.VALID
    stride: tuple[int, int, int] = (1, 1, 1)
    dilation: tuple[int, int, int] = (1, 1, 1)
    activation: Activation = Activation.NONE

    def infer(self, *inputs: Value | None) -> Types:
        shape, w, x = operands(self, inputs, 3)
        if x.rank != 5 or w.rank != 5 or w.shape[4] != x.shape[4]:
            raise self.fail(f"input {x.type} and weights {w.type} do not fit")
        out = constant_shape(self, shape, "the output shape")
        if len(out) != 5 or out[4] != w.shape[3]:
            raise self.fail(f"the output shape {out} does not fit weights {w.type}")
        return (TensorType(x.dtype, out),)


@dataclass(frozen=True)
class FullyConnected(Operator):
    """x[..., I] with w[O, I] and an optional b[O] -> [..., O] if `keep_num_dims`, else [batch, O]."""

    name: ClassVar[str] = "FULLY_CONNECTED"
    dtypes: ClassVar[DTypes] = FLOAT | HALF
    max_rank: ClassVar[int] = 6
    activation: Activation = Activation.NONE
    weights_format: str = "DEFAULT"
    keep_num_dims: bool = False
    asymmetric_quantize_inputs: bool = False
    quantized_bias_type: DType = DType.FLOAT32

    def infer(self, *inputs: Value | None) -> Types:
        x, w = operands(self, inputs, 2)
        if w.rank != 2 or not w.shape[1] or x.type.size % w.shape[1]:
            raise self.fail(f"input {x.type} and weights {w.type} do not fit")
        if not self.keep_num_dims:
            return (TensorType(x.dtype, (x.type.size // w.shape[1], w.shape[0])),)
        if not x.rank or x.shape[-1] != w.shape[1]:
            raise self.fail(f"input {x.type} and weights {w.type} do not fit")
        return (TensorType(x.dtype, (*x.shape[:-1], w.shape[0])),)


@dataclass(frozen=True)
class BatchMatmul(Operator):
    """x[..., M, K] @ y[..., K, N], leading dimensions broadcast; adj_x and adj_y swap the last two of x and y."""

    name: ClassVar[str] = "BATCH_MATMUL"
    dtypes: ClassVar[DTypes] = FLOAT | HALF
    max_rank: ClassVar[int] = 6
    adj_x: bool = False
    adj_y: bool = False
    asymmetric_quantize_inputs: bool = False

    def infer(self, *inputs: Value | None) -> Types:
        x, y = operands(self, inputs, 2)
        if x.rank < 2 or y.rank < 2:
            raise self.fail(f"{x.type} and {y.type}: both need two dimensions")
        rows, inner = x.shape[:-3:-1] if self.adj_x else x.shape[-2:]
        depth, columns = y.shape[:-3:-1] if self.adj_y else y.shape[-2:]
        if inner != depth:
            raise self.fail(f"{x.type} and {y.type} do not fit: {inner} against {depth}")
        return (TensorType(x.dtype, (*broadcast(self, [x.shape[:-2], y.shape[:-2]]), rows, columns)),)
