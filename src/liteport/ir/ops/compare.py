"""Comparisons, logic and selection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from liteport.ir.ops.base import (
    BOOL,
    BYTES,
    FLOAT,
    HALF,
    INDEX,
    INT16,
    PLAIN,
    STRING,
    Binary,
    DTypes,
    Elementwise,
    Types,
    Unary,
    broadcast,
    operands,
    same_type,
)
from liteport.ir.types import DType, TensorType

if TYPE_CHECKING:
    from liteport.ir.graph import Value

_ORDERED = FLOAT | HALF | INDEX | INT16


@dataclass(frozen=True)
class _Comparison(Binary):
    """True where the relation holds."""

    dtypes: ClassVar[DTypes] = _ORDERED
    fatal: ClassVar[DTypes] = BYTES
    result: ClassVar[DType] = DType.BOOL


@dataclass(frozen=True)
class Less(_Comparison):
    """x < y."""

    name: ClassVar[str] = "LESS"


@dataclass(frozen=True)
class LessEqual(_Comparison):
    """x <= y."""

    name: ClassVar[str] = "LESS_EQUAL"


@dataclass(frozen=True)
class Greater(_Comparison):
    """x > y."""

    name: ClassVar[str] = "GREATER"


@dataclass(frozen=True)
class GreaterEqual(_Comparison):
    """x >= y."""

    name: ClassVar[str] = "GREATER_EQUAL"


@dataclass(frozen=True)
class Equal(_Comparison):
    """x == y."""

    name: ClassVar[str] = "EQUAL"
    dtypes: ClassVar[DTypes] = _ORDERED | BOOL | STRING


@dataclass(frozen=True)
class NotEqual(_Comparison):
    """x != y."""

    name: ClassVar[str] = "NOT_EQUAL"
    dtypes: ClassVar[DTypes] = (_ORDERED - INT16) | BOOL | STRING


@dataclass(frozen=True)
class LogicalAnd(Binary):
    """x and y."""

    name: ClassVar[str] = "LOGICAL_AND"
    dtypes: ClassVar[DTypes] = BOOL


@dataclass(frozen=True)
class LogicalOr(Binary):
    """x or y."""

    name: ClassVar[str] = "LOGICAL_OR"
    dtypes: ClassVar[DTypes] = BOOL


@dataclass(frozen=True)
class LogicalNot(Unary):
    """not x."""

    name: ClassVar[str] = "LOGICAL_NOT"
    dtypes: ClassVar[DTypes] = BOOL


@dataclass(frozen=True)
class Select(Elementwise):
    """y where the condition (input 0, bool) holds, else z; of one shape, or the condition of rank 0 or 1 (rows)."""

    name: ClassVar[str] = "SELECT"
    main: ClassVar[int] = 1
    dtypes: ClassVar[DTypes] = PLAIN

    def infer(self, *inputs: Value | None) -> Types:
        condition, yes, no = operands(self, inputs, 3)
        rows = condition.rank == 1 and yes.rank > 0 and condition.shape[0] == yes.shape[0]
        if yes.type != no.type or not (condition.shape == yes.shape or condition.rank == 0 or rows):
            raise self.fail(f"{condition}, {yes} and {no} do not fit")
        return (yes.type,)


@dataclass(frozen=True)
class SelectV2(Elementwise):
    """y where the condition (input 0, bool) holds, else z; all three broadcast."""

    name: ClassVar[str] = "SELECT_V2"
    main: ClassVar[int] = 1
    dtypes: ClassVar[DTypes] = PLAIN

    def infer(self, *inputs: Value | None) -> Types:
        condition, yes, no = operands(self, inputs, 3)
        same_type(self, [yes, no])
        return (TensorType(yes.dtype, broadcast(self, [condition.shape, yes.shape, no.shape])),)
