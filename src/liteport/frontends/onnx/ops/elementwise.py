"""Arithmetic of several operands: sums, products, quotients, remainders, powers, extremes."""

from __future__ import annotations

import numpy as np

from liteport.errors import InputError, UnsupportedError
from liteport.frontends.onnx.context import Lowering, OnnxBuilder, Table, one_of
from liteport.frontends.onnx.ops._common import binary, computed, folded, terms
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic, bits, math
from liteport.lowering.formula import Term, emit, maximum, minimum, where
from liteport.lowering.operands import align, convert, wide


def divided(x: Term, y: Term) -> Term:
    """Div(A, B): integers round towards 0."""
    if x.value.dtype is not DType.INT64:
        return emit(ops.Div(), x, y)
    size = emit(ops.FloorDiv(), abs(x), abs(y))
    return where(emit(ops.Equal(), x < 0, y < 0), size, -size)


def modulo(b: OnnxBuilder, x: Value, y: Value, *, fmod: int = 0) -> Value:
    """Mod(A, B, fmod=0): the remainder with the sign of B, or of A where `fmod`."""
    function = math.fmod if fmod else lambda x, y: emit(ops.FloorMod(), x, y)
    return convert(b, function(*terms(b, x, y)).value, x.dtype)


def power(b: OnnxBuilder, x: Value, y: Value) -> Value:
    """Pow(X, Y): in the type of X, whatever that of Y."""
    number = y.data.reshape(-1).tolist()[0] if y.data is not None and y.type.size == 1 else None
    if number is not None and x.dtype.is_float and y.rank <= x.rank:
        (value,) = terms(b, x)
        if number == 0:
            return basic.filled(b, x.type, 1)
        return math.power(value, number).value
    if x.dtype.is_float:
        return emit(ops.Pow(), *terms(b, x, y)).value
    kind = DType.FLOAT32 if y.dtype.is_float else wide(x.dtype)
    base, up = terms(b, x, y, dtype=kind)
    if kind is not DType.FLOAT32:  # the kernel stops the program at a negative exponent
        up = maximum(up, 0)
    return convert(b, emit(ops.Pow(), base, up).value, x.dtype)


def extreme(choose: ops.Operator) -> Lowering:
    """The lowering of Max or Min of any number of operands."""
    function = maximum if isinstance(choose, ops.Maximum) else minimum
    return folded(lambda b, x, y: convert(b, function(*terms(b, x, y)).value, x.dtype))


def mean(b: OnnxBuilder, first: Value, *others: Value) -> Value:
    """Mean(data_0, ...)"""
    total = Term(b, add_all(b, first, *others))
    return (total * (1 / (1 + len(others)))).value


def clip(
    b: OnnxBuilder,
    x: Value,
    low: Value | None = None,
    high: Value | None = None,
    *,
    min: float | None = None,
    max: float | None = None,
) -> Value:
    """Clip(input, min, max): bounds are operands from opset 11 on."""
    dtype = wide(x.dtype)
    (out,) = terms(b, x)
    constants = [_number(low, min), _number(high, max)]
    if all(known or bound is None for bound, (known, _) in zip((low, high), constants, strict=True)):
        return convert(b, math.clamp(out, *(number for _, number in constants)).value, x.dtype)
    for bound, choose in ((low, maximum), (high, minimum)):
        if bound is not None:
            (limit,) = terms(b, bound, dtype=dtype)
            out = choose(Term(b, basic.reshape(b, limit.value, ())), out)
    return convert(b, out.value, x.dtype)


def _number(bound: Value | None, attribute: float | None) -> tuple[bool, float | None]:
    """Whether a bound is known, and what it is. Raises InputError for more than one number."""
    if bound is None:
        return True, attribute
    if bound.type.size != 1:
        raise InputError(f"a bound of {bound.type}, which is to be one number")
    return (True, bound.data.reshape(-1).tolist()[0]) if bound.data is not None else (False, None)


def bit_shift(b: OnnxBuilder, x: Value, y: Value, *, direction: str) -> Value:
    """BitShift(X, Y, direction): by as many bits as there are, or more, all are gone but copies of the sign."""
    width = x.dtype.bits
    value, by = terms(b, x, y)
    gone = emit(ops.LogicalOr(), by < 0, by >= width)
    place = where(gone, 0, by)
    if one_of(direction, "LEFT", "RIGHT") == "LEFT":
        powers = [1 << n for n in range(min(width, 63))] + [-(1 << 63)] * (width == 64)
        factor = Term(b, basic.gather(b, b.const(np.array(powers, np.int64)), place.value, 0))
        return convert(b, where(gone, 0, value * factor.cast(value.value.dtype)).value, x.dtype)
    if width == 64:
        raise UnsupportedError("shifts of 64-bit integers to the right: LiteRT has no kernel for them")
    kind = x.dtype if x.dtype is DType.UINT32 else DType.INT32
    shifted = b.emit(ops.RightShift(), *(convert(b, t.value, kind) for t in (value, place)))
    left = Term(b, convert(b, shifted, value.value.dtype))
    return convert(b, where(gone, -(value < 0).cast(value.value.dtype), left).value, x.dtype)


add_all = folded(lambda b, x, y: convert(b, emit(ops.Add(), *terms(b, x, y)).value, x.dtype))


def select(b: OnnxBuilder, condition: Value, x: Value, y: Value) -> Value:
    """Where(condition, X, Y)"""
    return b.emit(ops.SelectV2(), *align(b, [condition, x, y]))


LOWERINGS: Table = {
    ("", "Add"): binary(lambda x, y: emit(ops.Add(), x, y)),
    ("", "Sub"): binary(lambda x, y: emit(ops.Sub(), x, y)),
    ("", "Mul"): binary(lambda x, y: emit(ops.Mul(), x, y)),
    ("", "Div"): binary(divided),
    ("", "Mod"): modulo,
    ("", "Pow"): power,
    ("", "Sum"): add_all,
    ("", "Max"): extreme(ops.Maximum()),
    ("", "Min"): extreme(ops.Minimum()),
    ("", "Mean"): mean,
    ("", "Clip"): clip,
    ("", "Where"): select,
    ("", "BitwiseAnd"): computed(bits.and_, 2),
    ("", "BitwiseOr"): computed(bits.or_, 2),
    ("", "BitwiseXor"): computed(bits.xor, 2),
    ("", "BitwiseNot"): computed(lambda x: -1 - x),
    ("", "BitShift"): bit_shift,
}
