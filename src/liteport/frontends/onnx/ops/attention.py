"""Attention, and the rotary position embedding that goes with it."""

from __future__ import annotations

from collections.abc import Sequence

from liteport.errors import UnsupportedError
from liteport.frontends.onnx.context import OnnxBuilder, Table
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import attention as attending
from liteport.lowering import basic, indexing, joining, padding, rotary
from liteport.lowering.attention import Stage
from liteport.lowering.formula import Term, emit

_STAGES: Sequence[Stage] = ("raw", "capped", "biased", "weights")


def attention(
    b: OnnxBuilder,
    query: Value,
    key: Value,
    value: Value,
    mask: Value | None = None,
    past_key: Value | None = None,
    past_value: Value | None = None,
    lengths: Value | None = None,
    *,
    is_causal: int = 0,
    kv_num_heads: int | None = None,
    left_window_size: int = -1,
    q_num_heads: int | None = None,
    qk_matmul_output_mode: int = 0,
    right_window_size: int = -1,
    scale: float | None = None,
    softcap: float = 0.0,
    softmax_precision: int | None = None,
) -> tuple[Value | None, ...]:
    """Attention(Q, K, V, attn_mask, past_key, past_value, nonpad_kv_seqlen, is_causal=0, ...): Y, the keys and values
    with those of the past, and the scores, as they come, within the soft cap, with the mask or after the softmax."""
    flat = query.rank == 3
    if flat:
        if not q_num_heads or not kv_num_heads:
            raise UnsupportedError("attention of 3 dimensions without numbers of heads: set q_num_heads, kv_num_heads")
        query, key, value = (
            split_heads(b, v, count) for v, count in ((query, q_num_heads), (key, kv_num_heads), (value, kv_num_heads))
        )
    past = 0 if past_key is None else past_key.shape[2]
    key = key if past_key is None else joining.join(b, [past_key, key], 2)
    value = value if past_value is None else joining.join(b, [past_value, value], 2)
    size = (query.shape[2], key.shape[2])
    visible = _visible(b, size, past, lengths, bool(is_causal), left_window_size, right_window_size)
    mask = None if mask is None else _whole(b, _added(b, mask), size[1])
    if mask is not None and mask.dtype is not DType.BOOL and mask.data is None:
        visible = _and(b, visible, (Term(b, mask) > float("-inf")).value)
    stage = _STAGES[qk_matmul_output_mode] if b.wants(3) else None
    y, scores = attending.attend(b, query, key, value, mask, visible, scale=scale, softcap=softcap, stage=stage)
    return merge_heads(b, y) if flat else y, key, value, scores


def split_heads(b: OnnxBuilder, x: Value, count: int) -> Value:
    """[B, L, H * E] as [B, H, L, E]."""
    batch, length, size = x.shape
    return basic.transpose(b, basic.reshape(b, x, (batch, length, count, size // count)), [0, 2, 1, 3])


def merge_heads(b: OnnxBuilder, x: Value) -> Value:
    """[B, H, L, E] as [B, L, H * E]."""
    batch, count, length, size = x.shape
    return basic.reshape(b, basic.transpose(b, x, [0, 2, 1, 3]), (batch, length, count * size))


def _added(b: OnnxBuilder, mask: Value) -> Value:
    """A mask of bools, or of floats that are added to the scores: any numbers may be."""
    return mask if mask.dtype is DType.BOOL else basic.cast(b, mask, DType.FLOAT32)


def _whole(b: OnnxBuilder, mask: Value, keys: int) -> Value:
    """The mask with a place for every key: those beyond it take no part."""
    missing = keys - mask.shape[-1]
    if missing == 0:
        return mask
    pads = [(0, 0)] * (mask.rank - 1) + [(0, missing)]
    return padding.pad_or_crop(b, mask, pads, False if mask.dtype is DType.BOOL else float("-inf"))


def _visible(
    b: OnnxBuilder, size: tuple[int, int], past: int, lengths: Value | None, causal: bool, left: int, right: int
) -> Value | None:
    """Which keys a query sees by its place, which is `past` keys further, or where its sequence's length says: bools
    that broadcast to [B, 1, L, S], None where it sees all."""
    bounds = [] if lengths is None else [_before(b, size[1], lengths)]
    limits = ([0] if causal else []) + ([right] if right >= 0 else [])
    for ahead in limits:
        bounds.append(_up_to(b, size, past, lengths, ahead))
    if left >= 0:
        bounds.append(b.emit(ops.LogicalNot(), _up_to(b, size, past, lengths, -left - 1)))
    visible: Value | None = None
    for bound in bounds:
        visible = _and(b, visible, bound)
    return visible


def _up_to(b: OnnxBuilder, size: tuple[int, int], past: int, lengths: Value | None, ahead: int) -> Value:
    """Whether key j is not more than `ahead` keys beyond query i's place."""
    if lengths is None:
        return attending.triangle(b, size, past + ahead)
    rows, columns = (basic.ramp(b, n, lengths.dtype) for n in size)
    first = Term(b, basic.reshape(b, lengths, (lengths.type.size, 1, 1, 1))) + (ahead - size[0])
    column = Term(b, basic.reshape(b, columns, (1, 1, 1, size[1])))
    return (column <= first + Term(b, basic.unsqueeze(b, rows, 1))).value


def _before(b: OnnxBuilder, keys: int, lengths: Value) -> Value:
    """Which keys are before the sequences' ends."""
    column = basic.reshape(b, lengths, (lengths.type.size, 1, 1, 1))
    return b.emit(ops.Less(), basic.reshape(b, basic.ramp(b, keys, lengths.dtype), (1, 1, 1, keys)), column)


def _and(b: OnnxBuilder, x: Value | None, y: Value) -> Value:
    if x is None:
        return y
    rank = max(x.rank, y.rank)
    both = (Term(b, basic.reshape(b, v, (1,) * (rank - v.rank) + v.shape)) for v in (x, y))
    return emit(ops.LogicalAnd(), *both).value


def rotary_embedding(
    b: OnnxBuilder,
    x: Value,
    cos: Value,
    sin: Value,
    places: Value | None = None,
    *,
    interleaved: int = 0,
    num_heads: int = 0,
    rotary_embedding_dim: int = 0,
) -> Value:
    """RotaryEmbedding(X, cos_cache, sin_cache, position_ids, interleaved=0, num_heads=0, rotary_embedding_dim=0)"""
    if places is not None:
        cos, sin = (indexing.take(b, v, 0, places) for v in (cos, sin))
    if x.rank == 4:
        shape = (cos.shape[0], 1, *cos.shape[1:])
        cos, sin = (basic.reshape(b, v, shape) for v in (cos, sin))
        return rotary.rotate(b, x, cos, sin, interleaved=bool(interleaved))
    if not num_heads:
        raise UnsupportedError("a rotary embedding of 3 dimensions without a number of heads: set num_heads")
    batch, length, size = x.shape
    heads = basic.reshape(b, x, (batch, length, num_heads, size // num_heads))
    cos, sin = (basic.unsqueeze(b, v, 2) for v in (cos, sin))
    return basic.reshape(b, rotary.rotate(b, heads, cos, sin, interleaved=bool(interleaved)), x.shape)


LOWERINGS: Table = {
    ("", "Attention"): attention,
    ("", "RotaryEmbedding"): rotary_embedding,
}
