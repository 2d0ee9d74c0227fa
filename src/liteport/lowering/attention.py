"""Scaled dot-product attention, softmax(q k^T * scale + mask) v, by two BATCH_MATMULs."""

from __future__ import annotations

from math import sqrt
from typing import Literal

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array, DType, Shape
from liteport.lowering import basic, diagonal, matmul
from liteport.lowering.formula import Term, tanh, where

# What a masked score becomes: far enough from every score for exp() to be 0, and finite, so that a row without any
# score stays a number.
_MASKED = -1e9

Stage = Literal["raw", "capped", "biased", "weights"]
"""Scores as they come, within the soft cap, with the mask, and as shares of 1."""


def attention(
    b: Builder,
    query: Value,
    key: Value,
    value: Value,
    mask: Value | None = None,
    *,
    causal: bool = False,
    scale: float | None = None,
) -> Value:
    """query[..., H, L, E], key[..., G, S, E], value[..., G, S, V] -> [..., H, L, V].

    Leading dimensions broadcast. Where H is a multiple of G > 1 or of 1, each key head serves H / G query heads in a
    row (grouped queries), without being repeated. The mask broadcasts to [..., H, L, S]: bool (True takes part) or
    added to the scores. `causal` lets query i see keys 0 to i. A row that a bool mask empties gives zeros.
    """
    visible = _causal(b, (query.shape[-2], key.shape[-2])) if causal else None
    return attend(b, query, key, value, mask, visible, scale=scale)[0]


def attend(
    b: Builder,
    query: Value,
    key: Value,
    value: Value,
    mask: Value | None = None,
    visible: Value | None = None,
    *,
    scale: float | None = None,
    softcap: float = 0.0,
    stage: Stage | None = None,
) -> tuple[Value, Value | None]:
    """`attention` with bools that broadcast to [..., H, L, S] for what may be seen besides, and scores that are held
    softly within `softcap`; and the scores [..., H, L, S] of a `stage`, if that is asked for."""
    factor = 1 / sqrt(query.shape[-1]) if scale is None else scale
    scaled = (Term(b, query) * factor).value if factor != 1 else query
    shape = query.shape
    if (groups := _groups(query, key, value)) > 1:
        scaled = basic.reshape(b, scaled, _folded(shape, groups))
    raw = matmul.batch_matmul(b, scaled, key, adj_y=True)
    capped = (tanh(Term(b, raw) * (1 / softcap)) * softcap).value if softcap else raw
    mask, visible = _apart(b, mask, visible)
    bias, seen = _bias(b, mask, visible)
    biased = capped if bias is None else _add_bias(b, capped, bias, shape, groups)
    weights = b.emit(ops.Softmax(), biased)
    out = matmul.matmul(b, weights, value)
    if groups > 1:
        out = basic.reshape(b, out, (*shape[:-1], value.shape[-1]))
    if stage is None:
        return _seen(b, out, seen), None
    stages: dict[Stage, Value] = {"raw": raw, "capped": capped, "biased": biased, "weights": weights}
    shown = basic.reshape(b, stages[stage], (*shape[:-1], key.shape[-2])) if groups > 1 else stages[stage]
    if stage == "biased" and visible is not None:
        shown = where(Term(b, _to_rank(b, visible, shown.rank)), Term(b, shown), -np.inf).value
    return _seen(b, out, seen), _seen(b, shown, seen) if stage == "weights" else shown


def _seen(b: Builder, x: Value, seen: Value | None) -> Value:
    """x with zeros in the rows that see no key."""
    return x if seen is None else b.emit(ops.Mul(), x, _to_rank(b, seen, x.rank))


def _groups(query: Value, key: Value, value: Value) -> int:
    """How many query heads share a key head; 1 where the heads need no folding."""
    if query.rank < 3 or key.rank != query.rank or key.shape[:-2] != value.shape[:-2]:
        return 1
    heads, shared = query.shape[-3], key.shape[-3]
    return heads // shared if heads % shared == 0 else 1


def _folded(shape: Shape, groups: int) -> Shape:
    """[..., H, L, E] as [..., H / groups, groups * L, E]."""
    return (*shape[:-3], shape[-3] // groups, groups * shape[-2], shape[-1])


def _add_bias(b: Builder, scores: Value, bias: Value, query: Shape, groups: int) -> Value:
    """The scores with the bias, which knows nothing of folded heads, added."""
    if groups == 1:
        return b.emit(ops.Add(), scores, _to_rank(b, bias, scores.rank))
    heads, length = query[-3:-1]
    apart = basic.reshape(b, scores, (*query[:-3], heads // groups, groups, length, scores.shape[-1]))
    bias = _to_rank(b, bias, len(query))
    split = (1, 1) if bias.shape[-3] == 1 else (heads // groups, groups)
    bias = basic.reshape(b, bias, (*bias.shape[:-3], *split, *bias.shape[-2:]))
    return basic.reshape(b, b.emit(ops.Add(), apart, bias), scores.shape)


def _causal(b: Builder, size: tuple[int, int]) -> Value:
    """Query i sees keys 0 to i."""
    return triangle(b, size, 0)


def triangle(b: Builder, size: tuple[int, int], offset: int) -> Value:
    """Bools [L, S]: query i sees keys 0 to i + offset."""
    if is_fixed((*size, offset)):
        return b.const(np.tril(np.ones(size, dtype=bool), offset))
    return diagonal.triangle(b, size, offset, lower=True)


def _apart(b: Builder, mask: Value | None, visible: Value | None) -> tuple[Value | None, Value | None]:
    """What the mask adds to the scores, and what may be seen by it and by `visible`; None where there is nothing."""
    if mask is not None and mask.data is not None and not mask.has_sizes:
        finite = b.const(mask.data if mask.dtype is DType.BOOL else mask.data != -np.inf)
        return None if mask.dtype is DType.BOOL else mask, _both(b, finite, visible)
    if mask is not None and mask.dtype is DType.BOOL:
        return None, _both(b, mask, visible)
    return mask, visible


def _bias(b: Builder, mask: Value | None, visible: Value | None) -> tuple[Value | None, Value | None]:
    """What to add to the scores, and which rows (1.0 or 0.0, [..., L, 1]) see any key; None where there is nothing."""
    if visible is None:
        return mask, None
    seen = _rows(b, visible)
    if visible.data is not None and (mask is None or mask.data is not None):
        added = np.where(visible.data, 0 if mask is None else mask.array, _MASKED)
        return (b.const(added.astype(np.float32)) if added.any() else None), seen
    if mask is None or (visible.data is not None and seen is None):
        blocked = where(Term(b, visible), 0.0, _MASKED).value if visible.data is None else _blocked(b, visible.data)
        return blocked if mask is None else b.emit(ops.Add(), mask, blocked), seen
    rank = max(mask.rank, visible.rank)
    inside = where(Term(b, _to_rank(b, visible, rank)), Term(b, _to_rank(b, mask, rank)), _MASKED)
    return inside.value, seen


def _both(b: Builder, x: Value, y: Value | None) -> Value:
    if y is None:
        return x
    if x.data is not None and y.data is not None:
        return b.const(x.data & y.data)
    rank = max(x.rank, y.rank)
    return b.emit(ops.LogicalAnd(), _to_rank(b, x, rank), _to_rank(b, y, rank))


def _rows(b: Builder, visible: Value) -> Value | None:
    """1.0 for rows that see any key, else 0.0; None where all do."""
    if visible.data is None:
        return basic.cast(b, basic.reduce(b, ops.ReduceAny, visible, [-1], keep_dims=True), DType.FLOAT32)
    rows = visible.data.any(-1, keepdims=True)
    return None if rows.all() else b.const(rows.astype(np.float32))


def _blocked(b: Builder, visible: Array) -> Value:
    return b.const(np.where(visible, 0, _MASKED).astype(np.float32))


def _to_rank(b: Builder, x: Value, rank: int) -> Value:
    """x with leading dimensions of 1 up to `rank`."""
    return basic.reshape(b, x, (1,) * (rank - x.rank) + x.shape)
