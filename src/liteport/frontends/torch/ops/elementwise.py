"""Arithmetic of two operands, powers, extremes, and the small formulas of three."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from liteport.frontends.torch.context import Lowering, Table, TorchBuilder
from liteport.frontends.torch.ops._common import Operand, Scalar, aliases, computed, operand, operands, single, terms
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic, control, math
from liteport.lowering.formula import Term, emit, maximum, minimum, where
from liteport.lowering.operands import convert, wide

aten = torch.ops.aten


def binary(b: TorchBuilder, operator: ops.Operator, x: Operand, y: Operand) -> Value:
    """`operator` on both operands in PyTorch's result type."""
    result = b.result.dtype
    return convert(b, b.emit(operator, *operands(b, x, y, dtype=wide(result))), result)


def scaled(b: TorchBuilder, x: Operand, factor: Scalar) -> Operand:
    """factor * x in PyTorch's result type."""
    if factor == 1:
        return x
    if not isinstance(x, Value):
        return x * factor
    dtype = wide(b.result.dtype)
    return b.emit(ops.Mul(), operand(b, x, dtype), basic.scalar(b, factor, dtype))


def add(b: TorchBuilder, x: Value, other: Operand, alpha: Scalar = 1) -> Value:
    """add(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor"""
    if b.result.dtype is DType.BOOL:
        return binary(b, ops.LogicalOr(), x, other) if alpha else basic.broadcast_to(b, x, b.result.shape)
    return binary(b, ops.Add(), x, scaled(b, other, alpha))


def sub(b: TorchBuilder, x: Operand, other: Operand, alpha: Scalar = 1) -> Value:
    """sub(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor"""
    return binary(b, ops.Sub(), x, scaled(b, other, alpha))


def rsub(b: TorchBuilder, x: Value, other: Operand, alpha: Scalar = 1) -> Value:
    """rsub(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor"""
    return sub(b, other, x, alpha)


def mul(b: TorchBuilder, x: Value, other: Operand) -> Value:
    """mul(Tensor self, Tensor other) -> Tensor"""
    return binary(b, ops.LogicalAnd() if b.result.dtype is DType.BOOL else ops.Mul(), x, other)


def div(b: TorchBuilder, x: Value, other: Operand, rounding_mode: str | None = None) -> Value:
    """div(Tensor self, Tensor other, *, str? rounding_mode=None) -> Tensor"""
    if rounding_mode == "floor":
        return floor_divide(b, x, other)
    quotient = binary(b, ops.Div(), x, other)  # DIV of integers truncates
    return math.trunc(Term(b, quotient)).value if rounding_mode and quotient.dtype.is_float else quotient


floor_divide = computed(math.floor_divide, 2)


def power(b: TorchBuilder, x: Value, exponent: Operand) -> Value:
    """pow(Tensor self, Scalar exponent) -> Tensor; pow(Tensor self, Tensor exponent) -> Tensor"""
    if isinstance(exponent, Value):
        return power_of(b, x, exponent)
    if exponent == 0:
        return basic.broadcast_to(b, basic.scalar(b, 1, b.result.dtype), b.result.shape)
    return computed(math.power)(b, x, exponent)


def pow_of_scalar(b: TorchBuilder, x: Scalar, exponent: Value) -> Value:
    """pow(Scalar self, Tensor exponent) -> Tensor"""
    return power_of(b, x, exponent)


def power_of(b: TorchBuilder, x: Operand, exponent: Value) -> Value:
    """x ** exponent; POW of integers stops the program at a negative exponent, where PyTorch has 1, -1 or 0."""
    if b.result.dtype.is_float:
        return binary(b, ops.Pow(), x, exponent)
    base, up = terms(b, x, exponent, dtype=wide(b.result.dtype))
    size = emit(ops.Pow(), base, maximum(up, 0))
    parity = 1 - emit(ops.FloorMod(), up, 2) * 2
    below = where(base.equals(1), 1, where(base.equals(-1), parity, 0))
    return convert(b, where(up < 0, below, size).value, b.result.dtype)


def fmax(b: TorchBuilder, x: Value, other: Value) -> Value:
    """fmax(Tensor self, Tensor other) -> Tensor; a nan gives way to a number."""
    left, right = terms(b, x, other)
    return _number_of(left, right, maximum(left, right)).value


def fmin(b: TorchBuilder, x: Value, other: Value) -> Value:
    """fmin(Tensor self, Tensor other) -> Tensor; a nan gives way to a number."""
    left, right = terms(b, x, other)
    return _number_of(left, right, minimum(left, right)).value


def _number_of(left: Term, right: Term, both: Term) -> Term:
    """The other one where one is nan: kernels have rules of their own."""
    return where(right.differs(right), left, where(left.differs(left), right, both))


def extreme(operator: ops.Operator, of_bools: ops.Operator) -> Lowering:
    """maximum or minimum of two tensors (a nan in the first operand alone is lost: the kernels' own rule)."""

    def lowering(b: TorchBuilder, x: Value, other: Operand) -> Value:
        return binary(b, of_bools if b.result.dtype is DType.BOOL else operator, x, other)

    return lowering


maximum_of = extreme(ops.Maximum(), ops.LogicalOr())
minimum_of = extreme(ops.Minimum(), ops.LogicalAnd())


def clamp(b: TorchBuilder, x: Value, min: Operand | None = None, max: Operand | None = None) -> Value:
    """clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor; likewise with Tensor bounds."""
    dtype = wide(b.result.dtype)
    if not isinstance(min, Value) and not isinstance(max, Value):
        return convert(b, math.clamp(Term(b, operand(b, x, dtype)), min, max).value, b.result.dtype)
    (out,) = terms(b, x, dtype=dtype)
    for bound, choose in ((min, maximum), (max, minimum)):
        if bound is not None:
            limit, out = terms(b, bound, out.value, dtype=dtype)
            out = choose(limit, out)
    return convert(b, out.value, b.result.dtype)


def clamp_max(b: TorchBuilder, x: Value, max: Operand) -> Value:
    """clamp_max(Tensor self, Scalar max) -> Tensor; likewise with a Tensor."""
    return clamp(b, x, None, max)


def lerp(b: TorchBuilder, x: Value, end: Value, weight: Operand) -> Value:
    """lerp(Tensor self, Tensor end, Scalar weight) -> Tensor; likewise with a Tensor weight."""
    if isinstance(weight, Value):
        start, stop, share = terms(b, x, end, weight)
        return (start + share * (stop - start)).value
    start, stop = terms(b, x, end)
    span = stop - start  # PyTorch too starts from the nearer end
    return (start + span * weight if abs(weight) < 0.5 else stop - span * (1 - weight)).value


def addcmul(b: TorchBuilder, x: Value, tensor1: Value, tensor2: Value, *, value: Scalar = 1) -> Value:
    """addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor"""
    base, left, right = terms(b, x, tensor1, tensor2)
    product = left * right
    return (base + (product if value == 1 else product * value)).value


def addcdiv(b: TorchBuilder, x: Value, tensor1: Value, tensor2: Value, *, value: Scalar = 1) -> Value:
    """addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor"""
    base, left, right = terms(b, x, tensor1, tensor2)
    return (base + (left if value == 1 else left * value) / right).value


def xlogy(b: TorchBuilder, x: Operand, other: Operand) -> Value:
    """xlogy(Tensor self, Tensor other) -> Tensor; 0 where self is 0, unless other is nan."""
    left, right = terms(b, x, other, dtype=b.result.dtype)
    plain = left * math.exact_log(right)
    nothing = emit(ops.LogicalAnd(), left.equals(0.0), right.equals(right))
    return where(nothing, 0.0, plain).value


def heaviside(b: TorchBuilder, x: Value, values: Value) -> Value:
    """heaviside(Tensor self, Tensor values) -> Tensor"""
    left, at_zero = terms(b, x, values, dtype=wide(b.result.dtype))
    step = (left > 0).cast(left.value.dtype)
    return convert(b, where(left.equals(0), at_zero, step).value, b.result.dtype)


def ldexp(b: TorchBuilder, x: Value, other: Value) -> Value:
    """ldexp.Tensor(Tensor self, Tensor other) -> Tensor"""
    left, right = terms(b, x, other, dtype=DType.FLOAT32)
    return (left * math.exp2(right)).value


def copysign(b: TorchBuilder, x: Value, other: Operand) -> Value:
    """copysign(Tensor self, Tensor other) -> Tensor; the sign of a nan counts as positive."""
    left, right = terms(b, x, other, dtype=DType.FLOAT32)
    size = abs(left)
    return where(math.is_negative(right), -size, size).value


def gcd(b: TorchBuilder, x: Value, other: Value) -> Value:
    """gcd(Tensor self, Tensor other) -> Tensor, by Euclid's algorithm, until it has ended for all elements."""
    dtype, shape = wide(b.result.dtype), b.result.shape
    start = [basic.broadcast_to(b, abs(term).value, shape) for term in terms(b, x, other, dtype=dtype)]

    def test(b: TorchBuilder, values: Sequence[Value]) -> Sequence[Value]:
        left = basic.reshape(b, values[1], (values[1].type.size,))
        return [(Term(b, left).reduce(ops.ReduceMax, [0]) > 0).value]

    def step(b: TorchBuilder, values: Sequence[Value]) -> Sequence[Value]:
        larger, smaller = (Term(b, value) for value in values)
        ended = smaller.equals(0)
        rest = emit(ops.FloorMod(), larger, where(ended, 1, smaller))
        return where(ended, larger, smaller).value, where(ended, 0, rest).value

    return convert(b, control.loop(b, test, step, start)[0], b.result.dtype)


LOWERINGS: Table = {
    aten.add.Tensor: add,
    aten.add.Scalar: add,
    aten.sub.Tensor: sub,
    aten.sub.Scalar: sub,
    aten.rsub.Tensor: rsub,
    aten.rsub.Scalar: rsub,
    aten.mul.Tensor: mul,
    aten.mul.Scalar: mul,
    aten.div.Tensor: div,
    aten.div.Scalar: div,
    aten.div.Tensor_mode: div,
    aten.div.Scalar_mode: div,
    aten.floor_divide.default: floor_divide,
    aten.floor_divide.Scalar: floor_divide,
    aten.remainder.Tensor: single(ops.FloorMod(), 2),
    aten.remainder.Scalar: single(ops.FloorMod(), 2),
    aten.remainder.Scalar_Tensor: single(ops.FloorMod(), 2),
    aten.fmod.Tensor: computed(math.fmod, 2),
    aten.fmod.Scalar: computed(math.fmod, 2),
    aten.gcd.default: gcd,
    aten.pow.Tensor_Tensor: power,
    aten.pow.Tensor_Scalar: power,
    aten.pow.Scalar: pow_of_scalar,
    aten.float_power.Tensor_Tensor: power,
    aten.float_power.Tensor_Scalar: power,
    aten.float_power.Scalar: pow_of_scalar,
    aten.maximum.default: maximum_of,
    aten.max.other: maximum_of,
    aten.minimum.default: minimum_of,
    aten.min.other: minimum_of,
    aten.fmax.default: fmax,
    aten.fmin.default: fmin,
    aten.clamp.default: clamp,
    aten.clamp.Tensor: clamp,
    aten.clamp_min.default: clamp,
    aten.clamp_min.Tensor: clamp,
    aten.clamp_max.default: clamp_max,
    aten.clamp_max.Tensor: clamp_max,
    aten.lerp.Scalar: lerp,
    aten.lerp.Tensor: lerp,
    aten.addcmul.default: addcmul,
    aten.addcdiv.default: addcdiv,
    aten.atan2.default: computed(math.atan2, 2),
    aten.hypot.default: computed(math.hypot, 2),
    aten.logaddexp.default: computed(math.logaddexp, 2),
    aten.xlogy.Tensor: xlogy,
    aten.xlogy.Scalar_Other: xlogy,
    aten.xlogy.Scalar_Self: xlogy,
    aten.special_xlogy.default: xlogy,
    aten.special_xlogy.other_scalar: xlogy,
    aten.special_xlogy.self_scalar: xlogy,
    aten.heaviside.default: heaviside,
    aten.ldexp.Tensor: ldexp,
    aten.copysign.Tensor: copysign,
    aten.copysign.Scalar: copysign,
}

LOWERINGS |= aliases(
    LOWERINGS,
    {
        aten.subtract: aten.sub,
        aten.multiply: aten.mul,
        aten.divide: aten.div,
        aten.true_divide: aten.div,
        aten.clip: aten.clamp,
        aten.arctan2: aten.atan2,
    },
)
