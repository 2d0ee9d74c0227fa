"""Quantisation: into, out of, and its simulation. Scales stand with the values, not here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from liteport.ir.ops.base import FLOAT, HALF, DTypes, Operator, Types, Unary, operands
from liteport.ir.types import DType, TensorType

if TYPE_CHECKING:
    from liteport.ir.graph import Value


@dataclass(frozen=True)
class Quantize(Unary):
    """x as integers of the type `to`; also from one quantisation to another. Scale and zero point: the result's."""

    name: ClassVar[str] = "QUANTIZE"
    dtypes: ClassVar[DTypes] = FLOAT
    to: DType = DType.INT8

    def infer(self, *inputs: Value | None) -> Types:
        return (TensorType(self.to, operands(self, inputs, 1)[0].shape),)


@dataclass(frozen=True)
class Dequantize(Unary):
    """x as float32: quantised integers, or float16 weights."""

    name: ClassVar[str] = "DEQUANTIZE"
    dtypes: ClassVar[DTypes] = HALF
    result: ClassVar[DType] = DType.FLOAT32


@dataclass(frozen=True)
class FakeQuant(Unary):
    """x rounded to the `num_bits` grid between `min` and `max`."""

    name: ClassVar[str] = "FAKE_QUANT"
    dtypes: ClassVar[DTypes] = FLOAT
    min: float = 0.0
    max: float = 0.0
    num_bits: int = 8
    narrow_range: bool = False


@dataclass(frozen=True)
class Densify(Operator):
    """A sparse constant as a dense tensor of the same shape."""

    name: ClassVar[str] = "DENSIFY"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | {DType.INT8}

    def infer(self, *inputs: Value | None) -> Types:
        return (operands(self, inputs, 1)[0].type,)
