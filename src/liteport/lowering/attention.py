"""Scaled dot-product attention, softmax(q k^T * scale + mask) v, by two BATCH_MATMULs."""

from __future__ import annotations

from math import sqrt

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array, DType, Shape
from liteport.lowering import basic, diagonal, matmul
from liteport.lowering.formula import Term, where

# What a masked score becomes: far enough from every score for exp() to be 0, and finite, so that a row without any
# score stays a number.
_MASKED = -1e9


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
    factor = 1 / sqrt(query.shape[-1]) if scale is None else scale
    scaled = (Term(b, query) * factor).value if factor != 1 else query
    shape = query.shape
    if (groups := _groups(query, key, value)) > 1:
        scaled = basic.reshape(b, scaled, _folded(shape, groups))
    scores = matmul.batch_matmul(b, scaled, key, adj_y=True)
    bias, seen = _bias(b, mask, causal, (shape[-2], key.shape[-2]))
    if bias is not None:
        scores = _add_bias(b, scores, bias, shape, groups)
    out = matmul.matmul(b, b.emit(ops.Softmax(), scores), value)
    if groups > 1:
        out = basic.reshape(b, out, (*shape[:-1], value.shape[-1]))
    return out if seen is None else b.emit(ops.Mul(), out, _to_rank(b, seen, out.rank))


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


def _bias(b: Builder, mask: Value | None, causal: bool, size: tuple[int, int]) -> tuple[Value | None, Value | None]:
    """What to add to the scores, and which rows (1.0 or 0.0, [..., L, 1]) see any key; None where there is nothing."""
    if causal and not is_fixed(size):
        return _open_bias(b, mask, size)
    visible = np.tril(np.ones(size, dtype=bool)) if causal else None
    if mask is None:
        return None if visible is None else _blocked(b, visible), None
    if mask.data is not None:
        return _constant_bias(b, mask.data, visible)
    if mask.dtype is not DType.BOOL:
        return mask if visible is None else b.emit(ops.Add(), mask, _blocked(b, visible)), None
    if visible is not None:
        mask = b.emit(ops.LogicalAnd(), mask, b.const(visible))
    seen = basic.cast(b, basic.reduce(b, ops.ReduceAny, mask, [-1], keep_dims=True), DType.FLOAT32)
    return where(Term(b, mask), 0.0, _MASKED).value, seen


def _open_bias(b: Builder, mask: Value | None, size: tuple[int, int]) -> tuple[Value | None, Value | None]:
    """`_bias` where the causal mask is only known when the model runs: every row sees its first key."""
    visible = diagonal.triangle(b, size, 0, lower=True)
    if mask is not None and mask.dtype is DType.BOOL:
        return _bias(b, b.emit(ops.LogicalAnd(), mask, visible), False, size)
    added = where(Term(b, visible), 0.0, _MASKED).value
    return added if mask is None else b.emit(ops.Add(), mask, added), None


def _constant_bias(b: Builder, mask: Array, visible: Array | None) -> tuple[Value, Value | None]:
    allowed = mask if mask.dtype == bool else mask != -np.inf
    if visible is not None:
        allowed = allowed & visible
    rows = allowed.any(-1, keepdims=True)
    added = np.where(allowed, 0 if mask.dtype == bool else mask, _MASKED).astype(np.float32)
    return b.const(added), None if rows.all() else b.const(rows.astype(np.float32))


def _blocked(b: Builder, visible: Array) -> Value:
    return b.const(np.where(visible, 0, _MASKED).astype(np.float32))


def _to_rank(b: Builder, x: Value, rank: int) -> Value:
    """x with leading dimensions of 1 up to `rank`."""
    return basic.reshape(b, x, (1,) * (rank - x.rank) + x.shape)
