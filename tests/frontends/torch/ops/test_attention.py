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
MODULES: list[Any] = [
    Case("multihead", nn.MultiheadAttention(8, 2), [X, X + 1, X - 1]),
    Case("multihead_batch_first", nn.MultiheadAttention(8, 2, batch_first=True), [X, X + 1, X - 1]),
    Case(
        "multihead_no_weights",
        lambda x: HEADS(x, x, x, need_weights=False)[0],
        [X],
    ),
    Case(
        "multihead_masked",
        lambda x, p: HEADS(x, x, x, key_padding_mask=p)[0],
        [X, torch.tensor([[False] * 4 + [True], [False] * 5])],
        draws=0,
    ),
]


@cases(CASES)
def test_attention(case: Case) -> None:
    check(case)


@cases(MODULES)
def test_modules(case: Case) -> None:
    check(case)
