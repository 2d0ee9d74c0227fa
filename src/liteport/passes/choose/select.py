"""Choices between computed numbers and constant ones, as bounds: XNNPACK has no SELECT."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Elementwise, Operator
from liteport.ir.types import Array, DType, TensorType
from liteport.lowering.basic import scalar
from liteport.passes.choose.example import Example, feed
from liteport.passes.choose.rule import AS_EMITTED, Kind, Rule, Site

_LOWEST = float(np.finfo(np.float32).min)

# What makes infinities and NaN of finite numbers: masks often stand behind them for that, and no bound stops a NaN.
_UNSAFE = (ops.Div, ops.Log, ops.Sqrt, ops.Rsqrt, ops.Pow, ops.FloorMod)

# Numbers of a constant mask, of which a bound takes four bytes each and not one.
_MOST = 1 << 20


def _match(graph: Graph, op: Op) -> Site | str | None:
    return _refused(op) or Site((op,)) if op.output.dtype is DType.FLOAT32 else None


def _refused(op: Op) -> str | None:
    """Why a choice is no bound, or none that gains."""
    mask, (x, constant, _) = op.operand(0), _parts(op)
    if x is None or constant is None:
        return "both or none of what it chooses from is computed"
    if x.shape != op.output.shape:
        return "what is computed is repeated"
    if not _is_finite(x):
        return "what is computed may be infinite, or no number"
    if mask.is_const:
        return "its mask is large or has dynamic sizes" if mask.has_sizes or mask.array.size > _MOST else None
    if isinstance(op.operator, ops.Select) or not _is_repeated(mask, constant, x):
        return "its mask is computed, and as large as what it is for"
    return None


def _is_finite(x: Value) -> bool:
    """Whether no elementwise operation on the way to x makes infinities or NaN of finite numbers."""
    seen, left = {id(x)}, [x]
    while left:
        v = left.pop()
        op = v.producer
        if v.is_const and v.dtype.is_float and not (v.has_sizes or np.isfinite(v.array).all()):
            return False
        if op is None or not isinstance(op.operator, Elementwise):
            continue
        if isinstance(op.operator, _UNSAFE) and not _divides_by_numbers(op):
            return False
        found = [each for each in op.inputs if each is not None and id(each) not in seen]
        seen |= {id(each) for each in found}
        left += found
    return True


def _divides_by_numbers(op: Op) -> bool:
    by = op.operand(1) if isinstance(op.operator, ops.Div) else None
    return by is not None and by.is_const and not by.has_sizes and bool(by.array.all())


def _is_repeated(mask: Value, constant: Value, x: Value) -> bool:
    """Whether the mask, with the constant in it, is smaller than x."""
    kept = [(1,) * (x.rank - v.rank) + tuple(v.shape) for v in (mask, constant)]
    return any(all(shape[i] == 1 for shape in kept) and n != 1 for i, n in enumerate(x.shape))


def _parts(op: Op) -> tuple[Value | None, Value | None, bool]:
    """What is computed, what is constant, and whether the mask holds where the constant is taken."""
    yes, no = op.operand(1), op.operand(2)
    if yes.is_const == no.is_const:
        return None, None, False
    x, constant = (no, yes) if yes.is_const else (yes, no)
    return x, None if constant.has_sizes else constant, yes.is_const


def _sides(site: Site) -> list[tuple[Operator, float]]:
    """The bounds that it takes, and what they are where x passes."""
    _, constant, _ = _parts(site.op)
    assert constant is not None
    low, high = (constant.array <= _LOWEST).all(), (constant.array >= -_LOWEST).all()
    return [*([] if low else [(ops.Maximum(), -np.inf)]), *([] if high else [(ops.Minimum(), np.inf)])]


def _bounds(b: Builder, site: Site) -> Value:
    """min(max(x, low), high): both are the constant where it is taken, and infinite elsewhere."""
    y, constant, is_yes = _parts(site.op)
    assert y is not None
    assert constant is not None
    mask = site.op.operand(0)
    if mask.is_const and mask.rank == 1 and isinstance(site.op.operator, ops.Select):
        mask = b.const(mask.array.reshape(-1, *(1,) * (y.rank - 1)))
    for operator, infinity in _sides(site):
        y = b.emit(operator, y, _bound(b, mask, constant, infinity, is_yes))
    return y


def _bound(b: Builder, mask: Value, constant: Value, infinity: float, is_yes: bool) -> Value:
    if mask.is_const:
        taken: Array = np.where(mask.array == is_yes, constant.array, np.float32(infinity))
        return b.const(taken.astype(np.float32))
    free = scalar(b, infinity, DType.FLOAT32)
    return b.emit(ops.SelectV2(), mask, *((constant, free) if is_yes else (free, constant)))


def _candidates(site: Site) -> Sequence[str]:
    """Two bounds that are computed may cost more than they gain."""
    gains = site.op.operand(0).is_const or len(_sides(site)) == 1
    return ("bounds", AS_EMITTED) if gains else (AS_EMITTED, "bounds")


def _masked(number: float, *shape: int, mask: Sequence[int] = (), computed: bool = False) -> Example:
    def build(b: Builder) -> Value:
        x = feed(b, *shape)
        sizes = tuple(mask) or shape[-2:]
        seen: Array = np.tri(sizes[-2], sizes[-1], dtype=bool)
        kept = b.input(TensorType(DType.BOOL, sizes), "mask") if computed else b.const(seen)
        return b.emit(ops.SelectV2(), kept, x, scalar(b, number, x))

    kind = "computed" if computed else "constant"
    return Example(f"{'x'.join(map(str, shape))}, {kind} mask, {number:g}", build)


SELECT = Rule(
    name="masks as bounds",
    kind=Kind.ALWAYS,
    before="select(mask, x, c)",
    after="min(max(x, select(mask, -inf, c)), select(mask, inf, c)), one of them where c is infinite",
    on=(ops.SelectV2, ops.Select),
    match=_match,
    forms={"bounds": _bounds},
    candidates=_candidates,
    gain="8x128x128: 0.135 -> 0.067 ms, 12x512x512: 8.13 -> 6.24; two bounds on 8x128x128: 0.133 -> 0.085; a mask of "
    "128x128 that is computed, for 8 heads: 0.131 -> 0.080",
    rests_on="SELECT is outside XNNPACK",
    tolerance=0.0,
    examples=[
        _masked(-np.inf, 1, 8, 128, 128),
        _masked(-np.inf, 12, 512, 512),
        _masked(_LOWEST, 1, 12, 197, 197),
        _masked(-1e9, 1, 8, 128, 128),
        _masked(0.0, 1, 8, 128, 128),
        _masked(-np.inf, 1, 8, 128, 128, mask=(1, 1, 128, 128), computed=True),
        _masked(-np.inf, 1, 8, 128, 128, mask=(1, 1, 1, 128), computed=True),
        _masked(-1e9, 1, 12, 197, 197, mask=(1, 1, 197, 197), computed=True),
        _masked(0.0, 1, 12, 197, 197),
    ],
)
