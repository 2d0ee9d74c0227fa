"""Composites: operators that passes want to see whole. TFLite has none of them; the pass decompose writes them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from liteport.ir.ops.base import FLOAT, DTypes, Operator, Types, Unary, broadcast, operands
from liteport.ir.types import DType, TensorType

if TYPE_CHECKING:
    from liteport.ir.graph import Value


@dataclass(frozen=True)
class Erf(Unary):
    """The error function, of which GELU is made."""

    name: ClassVar[str] = "ERF"
    dtypes: ClassVar[DTypes] = FLOAT


@dataclass(frozen=True)
class DynamicQuantize(Operator):
    """Floats on the grid of 8 bits that they and 0 fill: the numbers (uint8), their scale [] and zero point []."""

    name: ClassVar[str] = "DYNAMIC_QUANTIZE"
    dtypes: ClassVar[DTypes] = FLOAT

    def infer(self, *inputs: Value | None) -> Types:
        (x,) = operands(self, inputs, 1)
        return TensorType(DType.UINT8, x.shape), TensorType(x.dtype, ()), TensorType(DType.UINT8, ())


@dataclass(frozen=True)
class MatmulInteger(Operator):
    """(x - x_zero) @ (y - y_zero), exactly, in int32: x[..., M, K] and y[..., K, N] of 8 bits.

    Zero points, which may be left out, are one number, or one for each of M and of N, or have their operand's rank.
    """

    name: ClassVar[str] = "MATMUL_INTEGER"
    dtypes: ClassVar[DTypes] = frozenset({DType.INT8, DType.UINT8})

    def infer(self, *inputs: Value | None) -> Types:
        x, y = operands(self, inputs, 2)
        if x.rank < 2 or y.rank < 2 or x.shape[-1] != y.shape[-2]:
            raise self.fail(f"{x.type} and {y.type} do not fit")
        for zero, of, count in zip(inputs[2:], (x, y), (x.shape[-2], y.shape[-1]), strict=False):
            if zero is not None and zero.type.size not in (1, count) and zero.rank != of.rank:
                raise self.fail(f"zero points {zero.type} for {of.type}")
        return (TensorType(DType.INT32, (*broadcast(self, [x.shape[:-2], y.shape[:-2]]), x.shape[-2], y.shape[-1])),)


@dataclass(frozen=True)
class ConvInteger(Operator):
    """The convolution of x - x_zero [N,C,*space] by w - w_zero [O,C/groups,*kernel], exactly, in int32 [N,O,*out].

    `pads` are (before, after) for each spatial dimension, with x_zero. Zero points, which may be left out, are one
    number, or one for each of O.
    """

    name: ClassVar[str] = "CONV_INTEGER"
    dtypes: ClassVar[DTypes] = frozenset({DType.INT8, DType.UINT8})
    stride: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    pads: tuple[tuple[int, int], ...] = ()
    groups: int = 1

    def infer(self, *inputs: Value | None) -> Types:
        x, w = operands(self, inputs, 2)
        if x.rank != w.rank or x.rank < 3 or x.shape[1] != w.shape[1] * self.groups:
            raise self.fail(f"{x.type} and {w.type} do not fit")
        for zero, of, count in zip(inputs[2:], (x, w), (1, w.shape[0]), strict=False):
            if zero is not None and zero.type.size not in (1, count):
                raise self.fail(f"zero points {zero.type} for {of.type}")
        dims = zip(x.shape[2:], w.shape[2:], self.stride, self.dilation, self.pads, strict=True)
        out = ((n + p + q - (k - 1) * d - 1) // s + 1 for n, k, s, d, (p, q) in dims)
        return (TensorType(DType.INT32, (x.shape[0], w.shape[0], *out)),)
