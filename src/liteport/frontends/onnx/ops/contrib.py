"""ONNX Runtime's own operators (domain com.microsoft) of transformers and diffusion models: norms and attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from liteport.errors import InputError, UnsupportedError
from liteport.frontends.onnx.context import OnnxBuilder, Table
from liteport.frontends.onnx.ops._common import MICROSOFT
from liteport.frontends.onnx.ops.attention import merge_heads, split_heads
from liteport.frontends.onnx.ops.quantize import dequantize_linear
from liteport.frontends.onnx.ops.quantized import matmul_integer_to_float
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType, TensorType
from liteport.lowering import attention, basic, formula, indexing, joining, normalization, rotary
from liteport.lowering import matmul as product
from liteport.lowering.formula import Term

# Normalisation


def simplified_layer_norm(
    b: OnnxBuilder, x: Value, scale: Value, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1
) -> tuple[Value, Value]:
    """SimplifiedLayerNormalization(X, scale, axis=-1, epsilon=1e-5): by the root of the mean square."""
    y, rrms = normalization.rms_norm(b, x, list(range(axis % x.rank, x.rank)), epsilon)
    return b.emit(ops.Mul(), y, scale), rrms


def skip_layer_norm(
    b: OnnxBuilder,
    x: Value,
    skip: Value,
    gamma: Value,
    beta: Value | None = None,
    bias: Value | None = None,
    *,
    epsilon: float = 1e-12,
) -> tuple[Value, ...]:
    """SkipLayerNormalization(input, skip, gamma, beta, bias, epsilon=1e-12); the sum is the fourth result."""
    total = _total(b, x, skip, bias)
    y, mean, rstd = normalization.standardize(b, total, [total.rank - 1], epsilon)
    return normalization.affine(b, y, gamma, beta, gamma.shape), mean, rstd, total


def skip_simplified_layer_norm(
    b: OnnxBuilder, x: Value, skip: Value, gamma: Value, bias: Value | None = None, *, epsilon: float = 1e-12
) -> tuple[Value | None, ...]:
    """SkipSimplifiedLayerNormalization(input, skip, gamma, bias, epsilon=1e-12); the sum is the fourth result."""
    total = _total(b, x, skip, bias)
    y, rrms = normalization.rms_norm(b, total, [total.rank - 1], epsilon)
    return b.emit(ops.Mul(), y, gamma), None, rrms, total


def _total(b: OnnxBuilder, x: Value, skip: Value, bias: Value | None) -> Value:
    if skip.rank < x.rank:
        skip = basic.reshape(b, skip, (1,) * (x.rank - skip.rank) + skip.shape)
    total = b.emit(ops.Add(), x, skip)
    return total if bias is None else b.emit(ops.Add(), total, bias)


def bias_add(b: OnnxBuilder, x: Value, bias: Value, skip: Value) -> Value:
    """BiasAdd(X, bias, skip): their sum"""
    return b.emit(ops.Add(), b.emit(ops.Add(), x, bias), skip)


def group_norm(
    b: OnnxBuilder,
    x: Value,
    gamma: Value,
    beta: Value,
    *,
    activation: int,
    groups: int,
    channels_last: int = 1,
    epsilon: float = 1e-5,
) -> Value:
    """GroupNorm(X, gamma, beta, activation, groups, channels_last=1, epsilon=1e-5): activation 1 is swish"""
    if activation not in (0, 1):
        raise UnsupportedError(f"the activation {activation}")
    front = basic.channels_first(b, x) if channels_last else x
    y = Term(b, normalization.group_norm(b, front, groups, gamma, beta, epsilon).value)
    out = (y * formula.sigmoid(y) if activation else y).value
    return basic.channels_last(b, out) if channels_last else out


def skip_group_norm(
    b: OnnxBuilder, x: Value, gamma: Value, beta: Value, skip: Value, bias: Value | None = None, **attributes: Any
) -> tuple[Value, Value]:
    """SkipGroupNorm(X, gamma, beta, skip, bias, as GroupNorm): the norm of the sum, the sum

    The skip is of X's shape, or [N, C], one for all places.
    """
    if skip.rank < x.rank:
        batch, channels = skip.shape
        ones = (1,) * (x.rank - 2)
        last = attributes.get("channels_last", 1)
        skip = basic.reshape(b, skip, (batch, *ones, channels) if last else (batch, channels, *ones))
    total = b.emit(ops.Add(), x, skip)
    if bias is not None:
        total = b.emit(ops.Add(), total, bias)
    return group_norm(b, total, gamma, beta, **attributes), total


def embed_layer_norm(
    b: OnnxBuilder,
    words: Value,
    segments: Value | None,
    word_table: Value,
    place_table: Value,
    segment_table: Value | None,
    gamma: Value,
    beta: Value,
    mask: Value | None = None,
    places: Value | None = None,
    *,
    epsilon: float = 1e-12,
    mask_index_type: int = 0,
) -> tuple[Value, ...]:
    """EmbedLayerNormalization(input_ids, segment_ids, word_embedding, position_embedding, segment_embedding, gamma,
    beta, mask, position_ids, epsilon=1e-12): the norm of the sum of embeddings, how many places count, the sum"""
    total = indexing.take(b, word_table, 0, words)
    if places is None:
        own = basic.unsqueeze(b, basic.narrow(b, place_table, 0, 0, words.shape[1]), 0)
    else:
        own = indexing.take(b, place_table, 0, places)
    total = b.emit(ops.Add(), total, own)
    if segments is not None and segment_table is not None:
        total = b.emit(ops.Add(), total, indexing.take(b, segment_table, 0, segments))
    y, _, _ = normalization.standardize(b, total, [2], epsilon)
    if mask is None:
        count = basic.zeros(b, TensorType(DType.INT32, words.shape[:1]))
    else:
        count = basic.reduce(b, ops.Sum, mask, [1])
    return normalization.affine(b, y, gamma, beta, gamma.shape), count, total


def quantised_embed_layer_norm(
    b: OnnxBuilder,
    words: Value,
    segments: Value | None,
    word_table: Value,
    place_table: Value,
    segment_table: Value | None,
    gamma: Value,
    beta: Value,
    mask: Value | None,
    *grids: Value | None,
    epsilon: float = 1e-12,
) -> tuple[Value, ...]:
    """QEmbedLayerNormalization: as EmbedLayerNormalization, of integers; then the scales of the word, position and
    segment tables, gamma and beta, and the zero points of these"""

    def real(stored: Value, place: int) -> Value:
        scale = grids[place]
        if scale is None:
            raise InputError(f"no scale for {stored.type}")
        return dequantize_linear(b, stored, scale, grids[place + 5])

    kinds = None if segment_table is None else real(segment_table, 2)
    tables = real(word_table, 0), real(place_table, 1), kinds
    return embed_layer_norm(b, words, segments, *tables, real(gamma, 3), real(beta, 4), mask, epsilon=epsilon)


# Attention


def multi_head_attention(
    b: OnnxBuilder,
    query: Value,
    key: Value | None = None,
    value: Value | None = None,
    bias: Value | None = None,
    padding: Value | None = None,
    added: Value | None = None,
    past_key: Value | None = None,
    past_value: Value | None = None,
    *,
    num_heads: int,
    mask_filter_value: float = -10000.0,
    scale: float = 0.0,
    unidirectional: int = 0,
) -> tuple[Value, ...]:
    """MultiHeadAttention(query, key, value, bias, key_padding_mask, attention_bias, past_key, past_value, num_heads,
    mask_filter_value=-10000, scale, unidirectional=0)

    Queries, keys and values may be packed in the query [B, L, H, 3, E], or keys and values in the key [B, S, H, 2, E].
    """
    query, key, value = _unpacked(b, query, key, value)
    if bias is not None:
        sizes = [num_heads * v.shape[-1] if v.rank == 4 else v.shape[-1] for v in (query, key, value)]
        query, key, value = (
            v if v.rank == 4 else b.emit(ops.Add(), v, part)
            for v, part in zip((query, key, value), joining.pieces(b, bias, 0, sizes), strict=True)
        )
    heads = [v if v.rank == 4 else split_heads(b, v, num_heads) for v in (query, key, value)]
    past = None if past_key is None or past_value is None else (past_key, past_value)
    return _attended(b, heads, past, padding, added, mask_filter_value, scale, bool(unidirectional))


def _unpacked(b: OnnxBuilder, query: Value, key: Value | None, value: Value | None) -> tuple[Value, Value, Value]:
    """Queries, keys and values each by itself, packed ones as [B, L, H * E]."""
    if key is not None and value is not None:
        return query, key, value
    packed = query if key is None else key
    count = 3 if key is None else 2
    if value is not None or packed.rank != 5 or packed.shape[3] != count:
        raise UnsupportedError(f"queries, keys and values packed as {packed.type}: give each by itself")
    batch, length, heads, _, size = packed.shape
    apart = [basic.reshape(b, part, (batch, length, heads * size)) for part in joining.unstack(b, packed, 3)]
    return (apart[0], apart[1], apart[2]) if key is None else (query, apart[0], apart[1])


def packed_attention(
    b: OnnxBuilder,
    x: Value,
    weights: Value,
    bias: Value | None = None,
    mask: Value | None = None,
    past: Value | None = None,
    added: Value | None = None,
    *,
    num_heads: int,
    mask_filter_value: float = -10000.0,
    qkv_hidden_sizes: Sequence[int] | None = None,
    scale: float = 0.0,
    unidirectional: int = 0,
    do_rotary: int = 0,
    past_present_share_buffer: int = 0,
    rotary_embedding_dim: int = 0,
) -> tuple[Value, ...]:
    """Attention(input, weights, bias, mask_index, past, attention_bias, num_heads, mask_filter_value=-10000,
    qkv_hidden_sizes, scale, unidirectional=0)"""
    if do_rotary or past_present_share_buffer:
        raise UnsupportedError("attention with a rotary embedding or a shared cache in it: export them apart")
    sizes = qkv_hidden_sizes or [weights.shape[1] // 3] * 3
    starts = [sum(sizes[:i]) for i in range(3)]
    parts = [_projected(b, x, weights, bias, start, size) for start, size in zip(starts, sizes, strict=True)]
    return _over_heads(b, parts, mask, past, added, num_heads, mask_filter_value, scale, unidirectional)


def _over_heads(
    b: OnnxBuilder,
    parts: Sequence[Value],
    mask: Value | None,
    past: Value | None,
    added: Value | None,
    num_heads: int,
    mask_filter_value: float = -10000.0,
    scale: float = 0.0,
    unidirectional: int = 0,
) -> tuple[Value, ...]:
    """What Attention gives for queries, keys and values [B, L, H * E], and these two with the past [2, B, H, S, E]."""
    pasts = None
    if past is not None:
        both = joining.unstack(b, past, 0)
        pasts = (both[0], both[1])
    heads = [split_heads(b, part, num_heads) for part in parts]
    y, *present = _attended(b, heads, pasts, mask, added, mask_filter_value, scale, bool(unidirectional))
    return (y, joining.stack(b, present, 0)) if b.wants(1) else (y,)


def quantised_attention(
    b: OnnxBuilder,
    x: Value,
    weights: Value,
    bias: Value,
    x_scale: Value,
    w_scale: Value,
    mask: Value | None = None,
    x_zero: Value | None = None,
    w_zero: Value | None = None,
    past: Value | None = None,
    **attributes: Any,
) -> tuple[Value, ...]:
    """QAttention(input, weight, bias, input_scale, weight_scale, mask_index, input_zero_point, weight_zero_point, past,
    as Attention), of which the projection is on quantised numbers"""
    projected = matmul_integer_to_float(b, x, weights, x_scale, w_scale, x_zero, w_zero, bias)
    parts = joining.pieces(b, projected, 2, [weights.shape[1] // 3] * 3)
    return _over_heads(b, parts, mask, past, None, **attributes)


def _projected(b: OnnxBuilder, x: Value, weights: Value, bias: Value | None, start: int, size: int) -> Value:
    """x by the columns of weights[I, O] from `start` on."""
    if weights.data is not None and (bias is None or bias.data is not None):
        columns = b.const(weights.data[:, start : start + size].T)
        own = None if bias is None else b.const(bias.array[start : start + size])
        return product.linear(b, x, columns, own)
    out = product.matmul(b, x, basic.narrow(b, weights, 1, start, size))
    return out if bias is None else b.emit(ops.Add(), out, basic.narrow(b, bias, 0, start, size))


def _attended(
    b: OnnxBuilder,
    heads: Sequence[Value],
    past: tuple[Value, Value] | None,
    padding: Value | None,
    added: Value | None,
    filter_value: float,
    scale: float,
    causal: bool,
) -> tuple[Value, ...]:
    """The result [B, L, H * E], and the keys and values with the past, [B, H, S, E]."""
    query, key, value = heads
    before = 0
    if past is not None:
        before = past[0].shape[2]
        key, value = (joining.join(b, [old, new], 2) for old, new in zip(past, (key, value), strict=True))
    mask = added
    if padding is not None:
        kept = _padding_bias(b, padding, key.shape[2], filter_value)
        mask = kept if mask is None else b.emit(ops.Add(), mask, kept)
    size = (query.shape[2], key.shape[2])
    visible = attention.triangle(b, size, before) if causal else None
    y, _ = attention.attend(b, query, key, value, mask, visible, scale=scale or None)
    return merge_heads(b, y), key, value


def _padding_bias(b: OnnxBuilder, mask: Value, keys: int, filter_value: float) -> Value:
    """What a mask of 1 and 0, [B, S] or [B, L, S], or lengths [B], add to the scores [B, H, L, S]."""
    if mask.rank == 1:
        line = Term(b, b.const(np.arange(keys, dtype=np.int32)[None, None, None]))
        inside = line < Term(b, basic.reshape(b, mask, (mask.shape[0], 1, 1, 1)))
    elif mask.rank in (2, 3) and mask.shape[-1] == keys:
        shape = (mask.shape[0], 1, 1, keys) if mask.rank == 2 else (mask.shape[0], 1, *mask.shape[1:])
        inside = Term(b, basic.reshape(b, mask, shape)) > 0
    else:
        raise UnsupportedError(f"a mask {mask.type}: use one of [batch, keys]")
    return formula.where(inside, 0.0, filter_value).value


def rotary_embedding(
    b: OnnxBuilder,
    x: Value,
    places: Value,
    cos: Value,
    sin: Value,
    *,
    interleaved: int = 0,
    is_packed_batching: int = 0,
    num_heads: int = 0,
    rotary_embedding_dim: int = 0,
    scale: float = 1.0,
) -> Value:
    """RotaryEmbedding(input, position_ids, cos_cache, sin_cache, interleaved=0, num_heads=0, rotary_embedding_dim=0)"""
    if is_packed_batching:
        raise UnsupportedError("packed batches: pad them")
    size = 2 * cos.shape[1] if not num_heads else x.shape[-1] // num_heads
    heads = x if x.rank == 4 else split_heads(b, x, x.shape[-1] // size)
    at = places
    if places.type.size == 1:  # where the first one stands
        at = (Term(b, basic.reshape(b, places, (1, 1))) + Term(b, _line(b, heads.shape[2]))).value
    angles = [basic.unsqueeze(b, indexing.take(b, v, 0, at), 1) for v in (cos, sin)]
    turned = rotary.rotate(b, heads, angles[0], angles[1], interleaved=bool(interleaved))
    return turned if x.rank == 4 else merge_heads(b, turned)


def _line(b: OnnxBuilder, count: int) -> Value:
    return basic.unsqueeze(b, basic.ramp(b, count, DType.INT64), 0)


LOWERINGS: Table = {
    ("", "SimplifiedLayerNormalization"): simplified_layer_norm,
    (MICROSOFT, "SimplifiedLayerNormalization"): simplified_layer_norm,
    (MICROSOFT, "SkipLayerNormalization"): skip_layer_norm,
    (MICROSOFT, "SkipSimplifiedLayerNormalization"): skip_simplified_layer_norm,
    (MICROSOFT, "EmbedLayerNormalization"): embed_layer_norm,
    (MICROSOFT, "QEmbedLayerNormalization"): quantised_embed_layer_norm,
    (MICROSOFT, "BiasAdd"): bias_add,
    (MICROSOFT, "GroupNorm"): group_norm,
    (MICROSOFT, "SkipGroupNorm"): skip_group_norm,
    (MICROSOFT, "MultiHeadAttention"): multi_head_attention,
    (MICROSOFT, "Attention"): packed_attention,
    (MICROSOFT, "QAttention"): quantised_attention,
    (MICROSOFT, "RotaryEmbedding"): rotary_embedding,
}
