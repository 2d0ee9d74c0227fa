"""Scaled dot-product attention."""

from __future__ import annotations

import torch

from liteport.errors import UnsupportedError
from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.ir.graph import Value
from liteport.lowering import attention

aten = torch.ops.aten


def scaled_dot_product_attention(
    b: TorchBuilder,
    query: Value,
    key: Value,
    value: Value,
    attn_mask: Value | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Value:
    """scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None,
    float dropout_p=0.0, bool is_causal=False, *, float? scale=None, bool enable_gqa=False) -> Tensor
    """
    if dropout_p > 0:
        raise UnsupportedError("attention with dropout in eval mode: pass dropout_p=p if self.training else 0.0")
    return attention.attention(b, query, key, value, attn_mask, causal=is_causal, scale=scale)


LOWERINGS: Table = {aten.scaled_dot_product_attention.default: scaled_dot_product_attention}
