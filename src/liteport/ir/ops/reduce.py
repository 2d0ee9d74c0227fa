"""Reductions, and the searches and scans along an axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from liteport.ir.ops.base import (
    BOOL,
    FLOAT,
    HALF,
    INDEX,
    INT8,
    INT32,
    SMALL,
    DTypes,
    Operator,
    Reduction,
    Types,
    axis_of,
    constant_int,
    operands,
)
from liteport.ir.types import DType, TensorType

if TYPE_CHECKING:
    from liteport.ir.graph import Value


@dataclass(frozen=True)
class Sum(Reduction):
    """The sum."""

    name: ClassVar[str] = "SUM"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | INDEX
    max_rank: ClassVar[int] = 6


@dataclass(frozen=True)
class Mean(Reduction):
    """The arithmetic mean."""

    name: ClassVar[str] = "MEAN"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | INDEX
    max_rank: ClassVar[int] = 6


@dataclass(frozen=True)
class ReduceMax(Reduction):
    """The largest."""

    name: ClassVar[str] = "REDUCE_MAX"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | INDEX | SMALL
    max_rank: ClassVar[int] = 6


@dataclass(frozen=True)
class ReduceMin(Reduction):
    """The smallest."""

    name: ClassVar[str] = "REDUCE_MIN"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | INDEX | SMALL
    max_rank: ClassVar[int] = 6


@dataclass(frozen=True)
class ReduceProd(Reduction):
    """The product."""

    name: ClassVar[str] = "REDUCE_PROD"
    dtypes: ClassVar[DTypes] = FLOAT | INDEX | SMALL


@dataclass(frozen=True)
class ReduceAny(Reduction):
    """Whether any is true."""

    name: ClassVar[str] = "REDUCE_ANY"
    dtypes: ClassVar[DTypes] = BOOL


@dataclass(frozen=True)
class ReduceAll(Reduction):
    """Whether all are true."""

    name: ClassVar[str] = "REDUCE_ALL"
    dtypes: ClassVar[DTypes] = BOOL


@dataclass(frozen=True)
class _ArgOp(Operator):
    """An index along the axis in constant input 1, which goes away; the first where there are several."""

    dtypes: ClassVar[DTypes] = FLOAT | INT32 | INT8 | BOOL | {DType.UINT8}
    output_type: DType = DType.INT64

    def infer(self, *inputs: Value | None) -> Types:
        x, axis = operands(self, inputs, 2)
        at = axis_of(self, constant_int(self, axis, "the axis"), x.rank)
        return (TensorType(self.output_type, x.shape[:at] + x.shape[at + 1 :]),)


@dataclass(frozen=True)
class ArgMax(_ArgOp):
    """Where the largest stands."""

    name: ClassVar[str] = "ARG_MAX"


@dataclass(frozen=True)
class ArgMin(_ArgOp):
    """Where the smallest stands."""

    name: ClassVar[str] = "ARG_MIN"


@dataclass(frozen=True)
class TopkV2(Operator):
    """The k (input 1) largest along the last axis, in falling order, and their int32 places."""

    name: ClassVar[str] = "TOPK_V2"
    dtypes: ClassVar[DTypes] = FLOAT | INDEX | SMALL

    def infer(self, *inputs: Value | None) -> Types:
        x, k = operands(self, inputs, 2)
        count = constant_int(self, k, "k")
        if not x.rank or not 0 <= count <= x.shape[-1]:
            raise self.fail(f"{count} of {x.type}")
        shape = (*x.shape[:-1], count)
        return (TensorType(x.dtype, shape), TensorType(DType.INT32, shape))


@dataclass(frozen=True)
class Cumsum(Operator):
    """Running sums along the axis in constant input 1 (int32, rank 0)."""

    name: ClassVar[str] = "CUMSUM"
    dtypes: ClassVar[DTypes] = FLOAT | INDEX
    exclusive: bool = False
    reverse: bool = False

    def infer(self, *inputs: Value | None) -> Types:
        x, _ = operands(self, inputs, 2)
        return (x.type,)
