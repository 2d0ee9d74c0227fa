"""Small recurrent networks, and what brings other networks to plain outputs."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class BiLSTM(nn.Module):
    """A tagger: ids [N,T] to scores [N,T,20], by two bidirectional LSTM layers."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(1000, 64)
        self.lstm = nn.LSTM(64, 96, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(192, 20)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.lstm(self.embedding(ids))[0])


class GRUNet(nn.Module):
    """Features [T,N,40] to scores [T,N,30], by two GRU layers."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(40, 128, num_layers=2)
        self.head = nn.Linear(128, 30)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.gru(x)[0])


class Template(nn.Module):
    """The first entry point of SiamRPN, a picture of the object [1,3,127,127] to kernels, as a network of its own."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        kernels = self.network.template(image)
        return kernels["box_kernels"], kernels["score_kernels"]


class Output(nn.Module):
    """One output of a network that gives a dict or a dataclass of them."""

    def __init__(self, network: nn.Module, name: str) -> None:
        super().__init__()
        self.network = network
        self.name = name

    def forward(self, *inputs: Tensor) -> Any:
        return self.network(*inputs)[self.name]
