"""Arithmetic, rounding, bits, complex numbers and casts: elementwise, without being an activation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from liteport.ir.ops.base import (
    BYTES,
    FLOAT,
    HALF,
    INDEX,
    INT8,
    INT16,
    INT32,
    PLAIN,
    SMALL,
    Arithmetic,
    Binary,
    DTypes,
    Elementwise,
    Types,
    Unary,
    operands,
    same_type,
)
from liteport.ir.types import DType, TensorType

if TYPE_CHECKING:
    from liteport.ir.graph import Value

_COMPLEX = frozenset({DType.COMPLEX64, DType.COMPLEX128})


@dataclass(frozen=True)
class Add(Arithmetic):
    """x + y."""

    name: ClassVar[str] = "ADD"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | INDEX | INT16
    fatal: ClassVar[DTypes] = BYTES
    pot_scale_int16: bool = True


@dataclass(frozen=True)
class Sub(Arithmetic):
    """x - y."""

    name: ClassVar[str] = "SUB"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | INDEX
    fatal: ClassVar[DTypes] = SMALL
    pot_scale_int16: bool = True


@dataclass(frozen=True)
class Mul(Arithmetic):
    """x * y."""

    name: ClassVar[str] = "MUL"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | INDEX | INT16 | {DType.UINT32, DType.COMPLEX64}


@dataclass(frozen=True)
class Div(Arithmetic):
    """x / y; int32 divides toward zero."""

    name: ClassVar[str] = "DIV"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | INT32


@dataclass(frozen=True)
class FloorDiv(Binary):
    """floor(x / y)."""

    name: ClassVar[str] = "FLOOR_DIV"
    dtypes: ClassVar[DTypes] = FLOAT | INT32 | INT8 | INT16


@dataclass(frozen=True)
class FloorMod(Binary):
    """x - y * floor(x / y): the remainder has y's sign."""

    name: ClassVar[str] = "FLOOR_MOD"
    dtypes: ClassVar[DTypes] = FLOAT | INDEX | INT8 | INT16


@dataclass(frozen=True)
class Pow(Binary):
    """x ** y."""

    name: ClassVar[str] = "POW"
    dtypes: ClassVar[DTypes] = FLOAT | INT32


@dataclass(frozen=True)
class SquaredDifference(Binary):
    """(x - y) ** 2."""

    name: ClassVar[str] = "SQUARED_DIFFERENCE"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | INT32
    fatal: ClassVar[DTypes] = INT8


@dataclass(frozen=True)
class Maximum(Binary):
    """max(x, y)."""

    name: ClassVar[str] = "MAXIMUM"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | INDEX | SMALL


@dataclass(frozen=True)
class Minimum(Binary):
    """min(x, y)."""

    name: ClassVar[str] = "MINIMUM"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | INDEX | SMALL


@dataclass(frozen=True)
class Atan2(Binary):
    """atan2(y, x), y being the first input. No broadcasting: the kernel would get the shape wrong."""

    name: ClassVar[str] = "ATAN2"
    dtypes: ClassVar[DTypes] = FLOAT | {DType.FLOAT64}

    def infer(self, *inputs: Value | None) -> Types:
        y, x = operands(self, inputs, 2)
        if y.shape != x.shape:
            raise self.fail(f"shapes {y.shape} and {x.shape} differ, and it does not broadcast")
        return super().infer(y, x)


@dataclass(frozen=True)
class BitwiseXor(Binary):
    """x ^ y."""

    name: ClassVar[str] = "BITWISE_XOR"
    dtypes: ClassVar[DTypes] = INT32 | SMALL | {DType.UINT16, DType.UINT32}


@dataclass(frozen=True)
class RightShift(Binary):
    """x >> y, arithmetic for signed types."""

    name: ClassVar[str] = "RIGHT_SHIFT"
    dtypes: ClassVar[DTypes] = INT32 | SMALL | {DType.UINT16, DType.UINT32}


@dataclass(frozen=True)
class AddN(Elementwise):
    """The sum of any number of inputs of one type and one shape."""

    name: ClassVar[str] = "ADD_N"
    dtypes: ClassVar[DTypes] = FLOAT | INT32

    def infer(self, *inputs: Value | None) -> Types:
        values = operands(self, inputs, max(1, len(inputs)))
        same_type(self, values)
        if len({v.shape for v in values}) != 1:
            raise self.fail("inputs of different shapes")
        return (values[0].type,)


@dataclass(frozen=True)
class Abs(Unary):
    """|x|."""

    name: ClassVar[str] = "ABS"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | INT32 | INT16


@dataclass(frozen=True)
class Neg(Unary):
    """-x."""

    name: ClassVar[str] = "NEG"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | INDEX | INT8 | INT16


@dataclass(frozen=True)
class Sign(Unary):
    """-1, 0 or 1."""

    name: ClassVar[str] = "SIGN"
    dtypes: ClassVar[DTypes] = FLOAT | {DType.FLOAT64} | INT32


@dataclass(frozen=True)
class Ceil(Unary):
    """The next integer up."""

    name: ClassVar[str] = "CEIL"
    dtypes: ClassVar[DTypes] = FLOAT | HALF


@dataclass(frozen=True)
class Floor(Unary):
    """The next integer down."""

    name: ClassVar[str] = "FLOOR"
    dtypes: ClassVar[DTypes] = FLOAT | HALF


@dataclass(frozen=True)
class Round(Unary):
    """The nearest integer, halves to even."""

    name: ClassVar[str] = "ROUND"
    dtypes: ClassVar[DTypes] = FLOAT | HALF


@dataclass(frozen=True)
class Exp(Unary):
    """e ** x."""

    name: ClassVar[str] = "EXP"
    dtypes: ClassVar[DTypes] = FLOAT | HALF


@dataclass(frozen=True)
class Log(Unary):
    """The natural logarithm."""

    name: ClassVar[str] = "LOG"
    dtypes: ClassVar[DTypes] = FLOAT | HALF
    fatal: ClassVar[DTypes] = INT16


@dataclass(frozen=True)
class Sqrt(Unary):
    """The square root."""

    name: ClassVar[str] = "SQRT"
    dtypes: ClassVar[DTypes] = FLOAT | HALF
    fatal: ClassVar[DTypes] = INT16


@dataclass(frozen=True)
class Rsqrt(Unary):
    """1 / sqrt(x)."""

    name: ClassVar[str] = "RSQRT"
    dtypes: ClassVar[DTypes] = FLOAT | HALF
    fatal: ClassVar[DTypes] = INT16


@dataclass(frozen=True)
class Square(Unary):
    """x * x."""

    name: ClassVar[str] = "SQUARE"
    dtypes: ClassVar[DTypes] = FLOAT | HALF


@dataclass(frozen=True)
class Sin(Unary):
    """The sine, x in radians."""

    name: ClassVar[str] = "SIN"
    dtypes: ClassVar[DTypes] = FLOAT | HALF


@dataclass(frozen=True)
class Cos(Unary):
    """The cosine, x in radians."""

    name: ClassVar[str] = "COS"
    dtypes: ClassVar[DTypes] = FLOAT | HALF


@dataclass(frozen=True)
class Cast(Unary):
    """x as another element type; floats to ints toward zero."""

    name: ClassVar[str] = "CAST"
    dtypes: ClassVar[DTypes] = (PLAIN - {DType.UINT64}) | {DType.BFLOAT16, DType.INT4}
    to: DType = DType.FLOAT32

    def infer(self, *inputs: Value | None) -> Types:
        (x,) = operands(self, inputs, 1)
        return (TensorType(self.to, x.shape),)


@dataclass(frozen=True)
class Bitcast(Unary):
    """x's bytes as another element type; between types of different width the last dimension appears or goes."""

    name: ClassVar[str] = "BITCAST"
    to: DType = DType.INT32

    def infer(self, *inputs: Value | None) -> Types:
        (x,) = operands(self, inputs, 1)
        if x.dtype.bits == self.to.bits:
            return (TensorType(self.to, x.shape),)
        if x.dtype.bits > self.to.bits:
            return (TensorType(self.to, (*x.shape, x.dtype.bits // self.to.bits)),)
        if not x.rank or x.shape[-1] * x.dtype.bits != self.to.bits:
            raise self.fail(f"the last dimension of {x.type} does not make up one {self.to.name.lower()}")
        return (TensorType(self.to, x.shape[:-1]),)


@dataclass(frozen=True)
class _ComplexPart(Unary):
    """A real number out of each complex one, of half its width."""

    dtypes: ClassVar[DTypes] = _COMPLEX

    def infer(self, *inputs: Value | None) -> Types:
        (x,) = operands(self, inputs, 1)
        return (TensorType(DType.FLOAT32 if x.dtype is DType.COMPLEX64 else DType.FLOAT64, x.shape),)


@dataclass(frozen=True)
class Real(_ComplexPart):
    """The real part."""

    name: ClassVar[str] = "REAL"


@dataclass(frozen=True)
class Imag(_ComplexPart):
    """The imaginary part."""

    name: ClassVar[str] = "IMAG"


@dataclass(frozen=True)
class ComplexAbs(_ComplexPart):
    """The magnitude."""

    name: ClassVar[str] = "COMPLEX_ABS"
