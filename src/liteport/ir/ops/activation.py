"""Activations: elementwise, of one input (and a slope), and the norms along the last axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from liteport.ir.ops.base import (
    FLOAT,
    HALF,
    Activation,
    DTypes,
    Elementwise,
    Operator,
    Types,
    Unary,
    broadcast,
    operands,
)

if TYPE_CHECKING:
    from liteport.ir.graph import Value


@dataclass(frozen=True)
class Relu(Unary):
    """max(x, 0)."""

    name: ClassVar[str] = "RELU"
    dtypes: ClassVar[DTypes] = FLOAT | HALF


@dataclass(frozen=True)
class Relu6(Unary):
    """min(max(x, 0), 6)."""

    name: ClassVar[str] = "RELU6"
    dtypes: ClassVar[DTypes] = FLOAT | HALF


@dataclass(frozen=True)
class ReluN1To1(Unary):
    """min(max(x, -1), 1)."""

    name: ClassVar[str] = "RELU_N1_TO_1"
    dtypes: ClassVar[DTypes] = FLOAT | HALF


@dataclass(frozen=True)
class Relu0To1(Unary):
    """min(max(x, 0), 1)."""

    name: ClassVar[str] = "RELU_0_TO_1"
    dtypes: ClassVar[DTypes] = FLOAT


@dataclass(frozen=True)
class LeakyRelu(Unary):
    """x where x > 0, else alpha * x."""

    name: ClassVar[str] = "LEAKY_RELU"
    dtypes: ClassVar[DTypes] = FLOAT | HALF
    alpha: float = 0.01


@dataclass(frozen=True)
class Prelu(Elementwise):
    """x where x > 0, else slope * x; the slope (input 1) broadcasts to x, never past it."""

    name: ClassVar[str] = "PRELU"
    dtypes: ClassVar[DTypes] = FLOAT | HALF

    def infer(self, *inputs: Value | None) -> Types:
        x, slope = operands(self, inputs, 2)
        if broadcast(self, [x.shape, slope.shape]) != x.shape:
            raise self.fail(f"the slope {slope.shape} does not fit in {x.shape}")
        return (x.type,)


@dataclass(frozen=True)
class Elu(Unary):
    """x where x > 0, else exp(x) - 1."""

    name: ClassVar[str] = "ELU"
    dtypes: ClassVar[DTypes] = FLOAT | HALF


@dataclass(frozen=True)
class Gelu(Unary):
    """x * Phi(x), by erf, or by tanh where `approximate`."""

    name: ClassVar[str] = "GELU"
    dtypes: ClassVar[DTypes] = FLOAT | HALF
    approximate: bool = False


@dataclass(frozen=True)
class HardSwish(Unary):
    """x * relu6(x + 3) / 6."""

    name: ClassVar[str] = "HARD_SWISH"
    dtypes: ClassVar[DTypes] = FLOAT | HALF


@dataclass(frozen=True)
class Logistic(Unary):
    """The sigmoid, 1 / (1 + exp(-x))."""

    name: ClassVar[str] = "LOGISTIC"
    dtypes: ClassVar[DTypes] = FLOAT | HALF


@dataclass(frozen=True)
class Tanh(Unary):
    """The hyperbolic tangent."""

    name: ClassVar[str] = "TANH"
    dtypes: ClassVar[DTypes] = FLOAT | HALF


@dataclass(frozen=True)
class AlongLast(Operator):
    """The same type out as in; every row along the last axis by itself."""

    def infer(self, *inputs: Value | None) -> Types:
        (x,) = operands(self, inputs, 1)
        if not x.rank:
            raise self.fail("a scalar has no last axis")
        return (x.type,)


@dataclass(frozen=True)
class Softmax(AlongLast):
    """exp(beta * x), scaled to sum to 1 along the last axis. A beta other than 1 leaves XNNPACK."""

    name: ClassVar[str] = "SOFTMAX"
    dtypes: ClassVar[DTypes] = FLOAT | HALF
    max_rank: ClassVar[int] = 6
    beta: float = 1.0


@dataclass(frozen=True)
class LogSoftmax(AlongLast):
    """log(softmax(x)) along the last axis."""

    name: ClassVar[str] = "LOG_SOFTMAX"
    dtypes: ClassVar[DTypes] = FLOAT


@dataclass(frozen=True)
class L2Normalization(AlongLast):
    """x / sqrt(max(sum(x * x), 1e-6)) along the last axis."""

    name: ClassVar[str] = "L2_NORMALIZATION"
    dtypes: ClassVar[DTypes] = FLOAT
    activation: Activation = Activation.NONE


@dataclass(frozen=True)
class LocalResponseNormalization(AlongLast):
    """x * (bias + alpha * sum of x * x over `radius` channels on either side) ** -beta. Rank 4."""

    name: ClassVar[str] = "LOCAL_RESPONSE_NORMALIZATION"
    dtypes: ClassVar[DTypes] = FLOAT
    max_rank: ClassVar[int] = 4
    radius: int = 5
    bias: float = 1.0
    alpha: float = 1.0
    beta: float = 0.5

    def infer(self, *inputs: Value | None) -> Types:
        if self.radius < 0:
            raise self.malformed(f"a radius of {self.radius}")
        return super().infer(*inputs)
