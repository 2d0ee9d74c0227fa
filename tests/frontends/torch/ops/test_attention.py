"""Scaled dot-product attention: masks of every kind, causal, grouped queries, and nn.MultiheadAttention."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from tests.frontends.torch.ops.inputs import bools, normal
from tests.harness import Case, cases, check

attend = F.scaled_dot_product_attention

Q, K, V = normal(2, 4, 5, 8), normal(2, 4, 7, 8), normal(2, 4, 7, 6)
K2, V2 = normal(2, 2, 7, 8), normal(2, 2, 7, 6)
MASK = bools(5, 7)
MASK[2] = False  # a row that sees nothing gives zeros
ROW = MASK[:1].clone()
ADDED = normal(2, 1, 5, 7)
BLOCKED = torch.zeros(5, 7).masked_fill(~MASK, -inf)


def masked(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor, **options: Any) -> torch.Tensor:
    return attend(q, k, v, attn_mask=mask, **options)


CASES: list[Any] = [
    Case("plain", attend, [Q, K, V], ops=["MUL", "BATCH_MATMUL", "SOFTMAX", "BATCH_MATMUL"]),
    Case("matrices", attend, [Q[0, 0], K[0, 0], V[0, 0]]),
    Case("rank_3", attend, [Q[0], K[0], V[0]]),
    Case("scale", partial(attend, scale=0.3), [Q, K, V]),
    Case("scale_1_ops", partial(attend, scale=1.0), [Q, K, V], ops=["BATCH_MATMUL", "SOFTMAX", "BATCH_MATMUL"]),
    Case("causal", partial(attend, is_causal=True), [Q, K, V]),
    Case("causal_square", partial(attend, is_causal=True), [Q, Q + 0.1, Q + 1]),
    Case("bool_mask", masked, [Q, K, V, MASK]),
    Case("bool_mask_batch", masked, [Q, K, V, bools(2, 1, 5, 7)]),
    Case("padding_mask", masked, [Q, K, V, torch.tensor([[True] * 5 + [False] * 2, [True] * 7])[:, None, None]]),
    Case("float_mask", masked, [Q, K, V, ADDED]),
    Case("heads_mask", masked, [Q, K, V, normal(4, 5, 7)]),
    Case("constant_bool_mask", lambda q, k, v: masked(q, k, v, MASK), [Q, K, V]),
    Case("constant_float_mask", lambda q, k, v: masked(q, k, v, BLOCKED), [Q, K, V]),
    Case(
        "constant_mask_ops",
        lambda q, k, v: masked(q, k, v, ROW),
        [Q, K, V],
        ops=["MUL", "BATCH_MATMUL", "ADD", "SOFTMAX", "BATCH_MATMUL"],
    ),
    Case("grouped", partial(attend, enable_gqa=True), [Q, K2, V2]),
    Case("grouped_one", partial(attend, enable_gqa=True), [Q, K2[:, :1], V2[:, :1]]),
    Case("grouped_causal", partial(attend, enable_gqa=True, is_causal=True), [Q, K2, V2]),
    Case("grouped_mask", partial(masked, enable_gqa=True), [Q, K2, V2, MASK]),
    Case("grouped_heads_mask", partial(masked, enable_gqa=True), [Q, K2, V2, normal(4, 5, 7)]),
    Case("grouped_batch_mask", partial(masked, enable_gqa=True), [Q, K2, V2, bools(2, 1, 5, 7)]),
    Case("broadcast", attend, [Q, K[:1, :1], V[:1, :1]]),
    Case("dropout", partial(attend, dropout_p=0.1), [Q, K, V], error="self.training"),
]

X = normal(2, 5, 8)
HEADS = nn.MultiheadAttention(8, 4, batch_first=True)
ROWS_FIRST = nn.MultiheadAttention(8, 4)
BIASED = nn.MultiheadAttention(8, 4, add_bias_kv=True, add_zero_attn=True)
SIZED = nn.MultiheadAttention(8, 4, kdim=6, vdim=3, batch_first=True)


def itself(layer: nn.MultiheadAttention, x: torch.Tensor, **options: Any) -> torch.Tensor:
    """Self-attention's result, without the weights."""
    result: torch.Tensor = layer(x, x, x, need_weights=False, **options)[0]
    return result


def causal(layer: nn.MultiheadAttention, x: torch.Tensor) -> torch.Tensor:
    mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1 if layer.batch_first else 0])
    return itself(layer, x, attn_mask=mask, is_causal=True)


# One projection, one transpose for queries, keys and values, whatever order batch and rows have.
PROJECTED = ["FULLY_CONNECTED", "RESHAPE", "TRANSPOSE", "SPLIT", "BATCH_MATMUL"]
ATTENDED = ["SOFTMAX", "BATCH_MATMUL", "TRANSPOSE", "RESHAPE", "FULLY_CONNECTED"]
SELF = [*PROJECTED, *ATTENDED]
MASKED = [*PROJECTED, "ADD", *ATTENDED]
PADDED = ["NOT", "SELECT", *PROJECTED, "ADD", *ATTENDED]
MODULES: list[Any] = [
    Case("multihead", nn.MultiheadAttention(8, 2), [X, X + 1, X - 1]),
    Case("multihead_batch_first", nn.MultiheadAttention(8, 2, batch_first=True), [X, X + 1, X - 1]),
    Case("multihead_itself", partial(itself, HEADS), [X], ops=SELF),
    Case("multihead_itself_batch_of_one", partial(itself, HEADS), [X[:1]], ops=SELF),
    Case("multihead_itself_rows_first", partial(itself, ROWS_FIRST), [X], ops=SELF),
    Case("multihead_itself_rows_first_batch_of_one", partial(itself, ROWS_FIRST), [X[:, :1]], ops=SELF),
    Case("multihead_causal", partial(causal, HEADS), [X], ops=MASKED),
    Case("multihead_causal_rows_first", partial(causal, ROWS_FIRST), [X], ops=MASKED),
    Case("multihead_masked_rows_first", lambda x, m: itself(ROWS_FIRST, x, attn_mask=m), [X, normal(2, 2)]),
    Case("multihead_bias_rows", partial(itself, BIASED), [X]),
    Case("multihead_memory", lambda x, y: HEADS(x, y, y, need_weights=False)[0], [X, normal(2, 7, 8)]),
    Case("multihead_sizes", lambda x, k, v: SIZED(x, k, v), [X, normal(2, 7, 6), normal(2, 7, 3)]),
    Case(
        "multihead_masked",
        lambda x, p: HEADS(x, x, x, key_padding_mask=p)[0],
        [X, torch.tensor([[False] * 4 + [True], [False] * 5])],
        draws=0,
    ),
    Case("encoder_layer", nn.TransformerEncoderLayer(8, 2, 16), [X]),
    Case("encoder_layer_norm_first", nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True), [X]),
    Case("decoder_layer", nn.TransformerDecoderLayer(8, 2, 16), [X, normal(7, 5, 8)]),
]


@cases(CASES)
def test_attention(case: Case) -> None:
    check(case)


@cases(MODULES)
def test_modules(case: Case) -> None:
    check(case)
