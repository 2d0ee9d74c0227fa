"""ONNX Runtime's GroupQueryAttention, which exporters of language models write around their caches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from liteport.errors import UnsupportedError
from liteport.frontends.onnx.context import OnnxBuilder, Table, known
from liteport.frontends.onnx.ops._common import MICROSOFT
from liteport.frontends.onnx.ops.attention import merge_heads, split_heads
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType, TensorType
from liteport.lowering import attention, basic, indexing, joining, rotary
from liteport.lowering.formula import Term


def group_query_attention(
    b: OnnxBuilder,
    query: Value,
    key: Value | None,
    value: Value | None,
    past_key: Value | None,
    past_value: Value | None,
    lengths: Value,
    total: Value,
    cos: Value | None = None,
    sin: Value | None = None,
    places: Value | None = None,
    added: Value | None = None,
    *,
    num_heads: int,
    kv_num_heads: int,
    do_rotary: int = 0,
    local_window_size: int = -1,
    rotary_interleaved: int = 0,
    scale: float = 0.0,
    smooth_softmax: int = 0,
    softcap: float = 0.0,
) -> tuple[Value, ...]:
    """GroupQueryAttention(query, key, value, past_key, past_value, seqlens_k, total_sequence_length, cos_cache,
    sin_cache, position_ids, attention_bias, num_heads, kv_num_heads, do_rotary=0, local_window_size=-1,
    rotary_interleaved=0, scale, softcap=0): the result, and the keys and values with the past.

    A query sees the keys up to its own place, those of the past among them; seqlens_k has the last place of each
    sequence. The caches have room for all that is due, or for more: new keys stand behind those that are there.
    """
    if smooth_softmax > 0:
        raise UnsupportedError("a softmax with a sink: export the model without smooth_softmax")
    if key is None or value is None:
        size = query.shape[-1] // (num_heads + 2 * kv_num_heads)
        parts = [size * count for count in (num_heads, kv_num_heads, kv_num_heads)]
        query, key, value = joining.pieces(b, query, -1, parts)
    counts = (num_heads, kv_num_heads, kv_num_heads)
    q, k, v = (split_heads(b, x, count) for x, count in zip((query, key, value), counts, strict=True))
    length, due = q.shape[2], int(known(total, "a total length").reshape(-1)[0])
    first = None if past_key is None or length == due else _first(b, lengths, length)
    if do_rotary:
        if cos is None or sin is None:
            raise UnsupportedError("a rotary embedding without its tables")
        at = _at(b, first, length) if places is None else places
        angles = [basic.unsqueeze(b, indexing.take(b, table, 0, at), 1) for table in (cos, sin)]
        q, k = (rotary.rotate(b, x, *angles, interleaved=bool(rotary_interleaved)) for x in (q, k))
    if past_key is not None and past_value is not None:
        k, v = (_placed(b, old, new, first, due) for old, new in ((past_key, k), (past_value, v)))
    visible = _visible(b, (length, k.shape[2]), first, local_window_size)
    y, _ = attention.attend(b, q, k, v, added, visible, scale=scale or None, softcap=softcap)
    return merge_heads(b, y), k, v


def _first(b: OnnxBuilder, lengths: Value, length: int) -> Value:
    """The place of the first new key of each sequence, int32 [B]."""
    last = basic.reshape(b, basic.cast(b, lengths, DType.INT32), (lengths.type.size,))
    return (Term(b, last) + (1 - length)).value


def _at(b: OnnxBuilder, first: Value | None, length: int) -> Value:
    """The places of the new keys, [B, L]; of sequences that begin, [1, L]."""
    line = basic.unsqueeze(b, basic.ramp(b, length, DType.INT32), 0)
    return line if first is None else (Term(b, basic.unsqueeze(b, first, 1)) + Term(b, line)).value


def _placed(b: OnnxBuilder, old: Value, new: Value, first: Value | None, due: int) -> Value:
    """The cache [B, G, S, E] with the new keys or values in their places, and room for all that is due."""
    batch, heads, have, size = old.shape
    if due > have:
        more = basic.zeros(b, TensorType(old.dtype, (batch, heads, due - have, size)))
        old = joining.join(b, [old, more], 2)
    caches = [basic.narrow(b, old, 0, i, 1) for i in range(batch)]
    parts = [basic.narrow(b, new, 0, i, 1) for i in range(batch)]
    starts: Sequence[Value] = [
        basic.ints(b, [0]) if first is None else basic.narrow(b, first, 0, i, 1) for i in range(batch)
    ]
    zero = basic.ints(b, [0])
    places = [basic.concat(b, [zero, zero, start, zero], 0) for start in starts]
    return joining.join(
        b,
        [b.emit(ops.DynamicUpdateSlice(), *each) for each in zip(caches, parts, places, strict=True)],
        0,
    )


def _visible(b: OnnxBuilder, size: tuple[int, int], first: Value | None, window: int) -> Value:
    """Bools that broadcast to [B, 1, L, S]: the keys up to a query's place, and from its window's beginning on."""
    if first is None:
        seen = np.tril(np.ones(size, bool))
        return b.const(seen if window < 0 else seen & ~np.tril(np.ones(size, bool), -window))
    rows = basic.reshape(b, _at(b, first, size[0]), (first.type.size, 1, size[0], 1))
    column = Term(b, basic.reshape(b, basic.ramp(b, size[1], DType.INT32), (1, 1, 1, size[1])))
    seen_by = (column <= Term(b, rows)).value
    if window < 0:
        return seen_by
    return b.emit(ops.LogicalAnd(), seen_by, (column > Term(b, rows) - window).value)


LOWERINGS: Table = {(MICROSOFT, "GroupQueryAttention"): group_query_attention}
