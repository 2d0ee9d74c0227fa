"""Attention by heads against PyTorch, as a measurement may choose it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from liteport.passes.choose.heads import BY_HEAD
from tests.passes.choose.uses import uses_of


class Attention(nn.Module):
    """Self-attention by one layer for queries, keys and values, with numbers of each head's own that scores get."""

    def __init__(self, heads: int, *, bias: bool = True, scores: bool = False) -> None:
        super().__init__()
        self.heads, self.scores = heads, scores
        self.qkv, self.out = nn.Linear(32, 96, bias=bias), nn.Linear(32, 32)
        self.register_buffer("table", torch.randn(heads, 10, 10))

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        n, places, channels = x.shape
        q, k, v = self.qkv(x).reshape(n, places, 3, self.heads, channels // self.heads).permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-2, -1) / 3 + self.table).softmax(-1)
        y = self.out((scores @ v).transpose(1, 2).reshape(n, places, channels))
        return y + scores.mean() if self.scores else y


class Separate(nn.Module):
    """A layer each, a mask that the heads share, and queries from elsewhere than the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = nn.Linear(32, 32), nn.Linear(32, 32, bias=False), nn.Linear(32, 32)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            layer(y).unflatten(-1, (4, 8)).transpose(1, 2)
            for layer, y in ((self.q, x[:, :6]), (self.k, x), (self.v, x))
        )
        y = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=torch.ones(6, 10, dtype=torch.bool).tril())
        return y.transpose(1, 2).flatten(2)


class SelfAttention(nn.MultiheadAttention):
    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x, x, x, need_weights=False)[0]


TAKEN = [
    ("one layer", Attention(4)),
    ("one layer, no bias, six heads and more", Attention(8, bias=False)),
    ("layers of their own", Separate()),
    ("nn.MultiheadAttention", SelfAttention(32, 2, batch_first=True)),
]
LEFT = [
    ("one head", Attention(1)),
    ("scores are used elsewhere", Attention(4, scores=True)),
    ("no attention", nn.Linear(32, 32)),
]


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("module", [pytest.param(row[1], id=row[0]) for row in TAKEN])
def test_taken(module: nn.Module, batch: int) -> None:
    assert uses_of(BY_HEAD, module, (batch, 10, 32), "by head") == 1


@pytest.mark.parametrize("module", [pytest.param(row[1], id=row[0]) for row in LEFT])
def test_left(module: nn.Module) -> None:
    assert uses_of(BY_HEAD, module, (1, 10, 32), "by head") == 0


def test_by_itself_it_stays() -> None:
    assert uses_of(BY_HEAD, Attention(4), (1, 10, 32)) == 0
