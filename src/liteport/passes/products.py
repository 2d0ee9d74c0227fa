"""Products taken apart into their factors: what passes that look for a formula see, however it is written."""

from __future__ import annotations

from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.graph import Op, Value
from liteport.ir.ops.base import Activation

_DEPTH = 4  # multiplications, one inside the other


@dataclass(frozen=True)
class Product:
    """number * factors[0] * factors[1] * ..."""

    number: float
    factors: tuple[Value, ...]


def product(op: Op, depth: int = _DEPTH) -> Product | None:
    """What an operation multiplies; None where it does something else."""
    if not isinstance(op.operator, ops.Mul | ops.Div) or not is_plain(op) or not depth:
        return None
    left, right = op.operand(0), op.operand(1)
    if isinstance(op.operator, ops.Div):
        divisor = number(right)
        if not divisor:
            return None
        inner = _taken_apart(left, depth)
        return Product(inner.number / divisor, inner.factors)
    one, other = (_taken_apart(value, depth) for value in (left, right))
    return Product(one.number * other.number, one.factors + other.factors)


def _taken_apart(value: Value, depth: int) -> Product:
    """A value as a product: of itself alone where it is none, or others use it too."""
    if (known := number(value)) is not None:
        return Product(known, ())
    op = value.producer
    inner = product(op, depth - 1) if op is not None and len(value.uses) == 1 else None
    return inner or Product(1.0, (value,))


def number(value: Value) -> float | None:
    """A constant of one number, which does not wait for a size."""
    if not value.is_const or value.has_sizes or value.type.size != 1 or not value.dtype.is_float or value.dtype.is_raw:
        return None
    return float(value.array.reshape(()))


def is_plain(op: Op) -> bool:
    """Whether an operation is no more than its arithmetic."""
    plain = getattr(op.operator, "activation", Activation.NONE) is Activation.NONE
    return plain and all(v is None or v.quantization is None for v in (*op.inputs, *op.outputs))
