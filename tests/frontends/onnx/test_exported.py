"""Networks that torch.onnx exports give no more operators than they give directly."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import liteport


class Convolutions(nn.Module):
    """Convolutions with their norms and activations, and what classifies them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.Hardswish(), nn.MaxPool2d(2))
        self.block = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.BatchNorm2d(8), nn.SiLU())
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1), nn.Hardsigmoid())
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.block(x)
        x = x + y * self.gate(y)
        return self.head(x.mean((2, 3)))


class Language(nn.Module):
    """A transformer's layer as language models have it: embeddings, a causal mask, RMS norms, gates."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 16)
        self.norm = nn.RMSNorm(16)
        self.q, self.k, self.v, self.out = (nn.Linear(16, 16, bias=False) for _ in range(4))
        self.up, self.gate, self.down = nn.Linear(16, 24), nn.Linear(16, 24), nn.Linear(24, 16)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.table(ids)
        y = self.norm(x)
        q, k, v = (p(y).unflatten(-1, (2, 8)).transpose(1, 2) for p in (self.q, self.k, self.v))
        x = x + self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))
        return x + self.down(F.silu(self.gate(x)) * self.up(x))


NETWORKS = [
    (Convolutions, torch.randn(1, 3, 32, 32)),
    (Language, torch.randint(0, 50, (1, 12))),
]


@pytest.mark.parametrize(("network", "x"), NETWORKS, ids=[n[0].__name__.lower() for n in NETWORKS])
def test_no_more_operators(network: type[nn.Module], x: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root, "disabled", True)
    torch.manual_seed(0)
    module = network().eval()
    program = torch.onnx.export(module, (x,), dynamo=True, verbose=False)
    assert program is not None
    direct = liteport.convert(module, (x,))
    through_onnx = liteport.convert(program.model_proto, verify=2)
    assert _operators(through_onnx) <= _operators(direct)


def _operators(model: liteport.LiteModel) -> int:
    return sum(len(graph.ops) for graph in model.module.graphs)
