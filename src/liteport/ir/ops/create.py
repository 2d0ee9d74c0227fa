"""Tensors out of nothing, or out of what is known about others: shapes, ranges, fills, random numbers."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isfinite
from typing import TYPE_CHECKING, ClassVar

from liteport.ir.ops.base import (
    FLOAT,
    INDEX,
    PLAIN,
    STRING,
    DTypes,
    Operator,
    Types,
    constant_ints,
    constant_shape,
    operands,
    same_type,
    sizes,
)
from liteport.ir.sizes import Size, larger
from liteport.ir.types import DType, TensorType

if TYPE_CHECKING:
    from liteport.ir.graph import Value


@dataclass(frozen=True)
class Shape(Operator):
    """The shape of x, as a vector."""

    name: ClassVar[str] = "SHAPE"
    out_type: DType = DType.INT32

    def infer(self, *inputs: Value | None) -> Types:
        (x,) = operands(self, inputs, 1)
        return (TensorType(self.out_type, (x.rank,)),)


@dataclass(frozen=True)
class Rank(Operator):
    """The number of dimensions of x, an int32 scalar."""

    name: ClassVar[str] = "RANK"

    def infer(self, *inputs: Value | None) -> Types:
        operands(self, inputs, 1)
        return (TensorType(DType.INT32, ()),)


@dataclass(frozen=True)
class Range(Operator):
    """start, start + delta, ... before limit: three scalars of one type."""

    name: ClassVar[str] = "RANGE"
    dtypes: ClassVar[DTypes] = FLOAT | INDEX
    max_rank: ClassVar[int] = 0

    def infer(self, *inputs: Value | None) -> Types:
        values = operands(self, inputs, 3)
        if any(v.rank for v in values):
            raise self.fail("start, limit and delta must be scalars")
        if not all(v.is_const for v in values):
            raise self.unknown("start, limit and delta must be constant")
        start, limit, delta = (v.array.item() for v in values)
        if any(v.has_sizes for v in values):
            return (TensorType(same_type(self, values), (larger(-((start - limit) // delta), 0),)),)
        if not delta or not isfinite(steps := (limit - start) / delta):
            raise self.fail(f"from {start} to {limit} by {delta}")
        return (TensorType(same_type(self, values), (max(0, ceil(steps)),)),)


@dataclass(frozen=True)
class BindSize(Operator):
    """Its input, an integer of one element, which the symbol `size` is said to be: for sizes that no tensor has (any
    more) when they are needed. None of TFLite's operators; the pass compute_sizes takes it out."""

    name: ClassVar[str] = "BIND_SIZE"
    dtypes: ClassVar[DTypes] = INDEX
    max_rank: ClassVar[int] = 1
    stateful: ClassVar[bool] = True
    size: Size

    def infer(self, *inputs: Value | None) -> Types:
        (number,) = operands(self, inputs, 1)
        if number.type.size != 1:
            raise self.fail(f"{number.type} is not one number")
        return (number.type,)


@dataclass(frozen=True)
class Fill(Operator):
    """The scalar input 1 in the shape of input 0."""

    name: ClassVar[str] = "FILL"
    main: ClassVar[int] = 1
    dtypes: ClassVar[DTypes] = PLAIN | STRING

    def infer(self, *inputs: Value | None) -> Types:
        dims, value = operands(self, inputs, 2)
        if value.rank:
            raise self.fail(f"{value.type} is not a scalar")
        return (TensorType(value.dtype, constant_shape(self, dims, "the shape")),)


@dataclass(frozen=True)
class ZerosLike(Operator):
    """Zeros of x's type and shape."""

    name: ClassVar[str] = "ZEROS_LIKE"
    dtypes: ClassVar[DTypes] = FLOAT | INDEX

    def infer(self, *inputs: Value | None) -> Types:
        return (operands(self, inputs, 1)[0].type,)


@dataclass(frozen=True)
class _Random(Operator):
    """float32 of the shape in input 0; seeds of 0 differ from run to run."""

    dtypes: ClassVar[DTypes] = INDEX
    max_rank: ClassVar[int] = 1
    stateful: ClassVar[bool] = True
    seed: int = 0
    seed2: int = 0

    def infer(self, *inputs: Value | None) -> Types:
        (shape,) = operands(self, inputs, 1)
        return (TensorType(DType.FLOAT32, constant_shape(self, shape, "the shape")),)


@dataclass(frozen=True)
class RandomUniform(_Random):
    """Uniform in [0, 1)."""

    name: ClassVar[str] = "RANDOM_UNIFORM"


@dataclass(frozen=True)
class RandomStandardNormal(_Random):
    """Of mean 0 and variance 1."""

    name: ClassVar[str] = "RANDOM_STANDARD_NORMAL"


@dataclass(frozen=True)
class Multinomial(Operator):
    """Samples (input 1: how many) of class numbers by logits [batch, classes] -> [batch, samples]."""

    name: ClassVar[str] = "MULTINOMIAL"
    dtypes: ClassVar[DTypes] = FLOAT
    max_rank: ClassVar[int] = 2
    stateful: ClassVar[bool] = True
    seed: int = 0
    seed2: int = 0
    output_type: DType = DType.INT64

    def infer(self, *inputs: Value | None) -> Types:
        logits, count = operands(self, inputs, 2)
        if logits.rank != 2:
            raise self.fail(f"logits {logits.type} are not of rank 2")
        return (
            TensorType(self.output_type, (logits.shape[0], *sizes(self, constant_ints(self, count, "the count", 1)))),
        )


@dataclass(frozen=True)
class Rfft2d(Operator):
    """The 2-d Fourier transform of the last two dimensions, of lengths in input 1 (powers of two)."""

    name: ClassVar[str] = "RFFT2D"
    dtypes: ClassVar[DTypes] = FLOAT

    def infer(self, *inputs: Value | None) -> Types:
        x, lengths = operands(self, inputs, 2)
        height, width = sizes(self, constant_ints(self, lengths, "the lengths", 2))
        if x.rank < 2:
            raise self.fail(f"{x.type} has no two dimensions")
        return (TensorType(DType.COMPLEX64, (*x.shape[:-2], height, width // 2 + 1)),)
