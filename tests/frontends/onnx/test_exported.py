"""Networks that torch.onnx exports, by either of its exporters, give no more operators than they give directly."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import liteport
from examples.support.weights import uneven


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


class Vision(nn.Module):
    """A transformer's layer as vision models have it: queries, keys and values by index, a class token picked out."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, 4)
        self.token, self.places = nn.Parameter(torch.zeros(1, 1, 16)), nn.Parameter(torch.randn(1, 17, 16))
        self.qkv, self.out = nn.Linear(16, 48), nn.Linear(16, 16)
        self.norms = nn.ModuleList(nn.LayerNorm(16) for _ in range(3))
        self.mix = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))
        self.head = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.token, self.patches(x).flatten(2).transpose(-1, -2)], 1) + self.places
        q, k, v = self.qkv(self.norms[0](x)).unflatten(-1, (3, 2, 8)).permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q * 8**-0.5 @ k.transpose(-1, -2)).softmax(-1)
        x = x + self.out((weights @ v).transpose(1, 2).flatten(2))
        x = x + self.mix(self.norms[1](x))
        return self.head(self.norms[2](x)[:, 0])


class Grouped(nn.Module):
    """Attention whose two heads of keys serve two heads of queries each, turned by their places."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.out = nn.Linear(16, 32), nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(32, 16)
        angles = torch.arange(12)[:, None] * torch.tensor([1.0, 0.1, 0.01, 0.001])
        self.cos, self.sin = (f(torch.cat([angles, angles], -1)) for f in (torch.cos, torch.sin))

    def turned(self, x: Tensor) -> Tensor:
        one, other = x.chunk(2, -1)
        return x * self.cos + torch.cat([-other, one], -1) * self.sin

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (p(x).unflatten(-1, (-1, 8)).transpose(1, 2) for p in (self.q, self.k, self.v))
        y = F.scaled_dot_product_attention(self.turned(q), self.turned(k), v, is_causal=True, enable_gqa=True)
        return self.out(y.transpose(1, 2).flatten(2))


class Reduced(nn.Module):
    """Attention of one head, whose keys and values come from a smaller map."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(8, 8) for _ in range(4))
        self.reduce, self.norm = nn.Conv2d(8, 8, 2, 2), nn.LayerNorm(8)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.flatten(2).transpose(-1, -2)
        small = self.norm(self.reduce(x).flatten(2).transpose(-1, -2))
        q, k, v = (
            p(y).unflatten(-1, (1, 8)).transpose(1, 2) for p, y in ((self.q, rows), (self.k, small), (self.v, small))
        )
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Recurrent(nn.Module):
    """An LSTM in both directions, and a GRU after it."""

    def __init__(self) -> None:
        super().__init__()
        self.both = nn.LSTM(6, 8, bidirectional=True, batch_first=True)
        self.gru, self.head = nn.GRU(16, 8, batch_first=True), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.gru(self.both(x)[0])[0])


# The older exporter has no RMS norms, and no grouped heads.
NEW_ONLY = (Language, Grouped)

NETWORKS = [
    (Convolutions, torch.randn(1, 3, 32, 32)),
    (Language, torch.randint(0, 50, (1, 12))),
    (Vision, torch.randn(1, 3, 16, 16)),
    (Grouped, torch.randn(1, 12, 16)),
    (Reduced, torch.randn(1, 8, 6, 6)),
    (Recurrent, torch.randn(1, 20, 6)),
]


@pytest.mark.parametrize(("network", "x"), NETWORKS, ids=[n[0].__name__.lower() for n in NETWORKS])
def test_no_more_operators(
    network: type[nn.Module], x: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.root, "disabled", True)
    torch.manual_seed(0)
    module = uneven(network().eval())
    liteport.export_onnx(module, tmp_path / "new.onnx", (x,))
    direct = _operators(liteport.convert(module, (x,)))
    assert _operators(liteport.convert(tmp_path / "new.onnx", verify=2)) <= direct
    if network in NEW_ONLY:
        return
    with warnings.catch_warnings(action="ignore"):  # it says that it is old, and the tracer has more to say
        torch.onnx.export(module, (x,), str(tmp_path / "old.onnx"), dynamo=False, opset_version=17)
    assert _operators(liteport.convert(tmp_path / "old.onnx", verify=2)) <= direct


def _operators(model: liteport.LiteModel) -> int:
    return sum(len(graph.ops) for graph in model.module.graphs)
