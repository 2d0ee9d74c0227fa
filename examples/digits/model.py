"""A small CNN for scikit-learn's digits, and its training."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional as F

Split = tuple[NDArray[np.float32], NDArray[np.int64]]


class DigitNet(nn.Module):
    """Images [N,1,8,8] with values in 0..1 to scores [N,10]."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout(0.2),
        )
        self.head = nn.Linear(32 * 4 * 4, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).flatten(1))


def digits() -> tuple[Split, Split]:
    """Images [N,1,8,8] and labels [N]: 1347 to learn from, and 450 that training never sees."""
    pixels, labels = load_digits(return_X_y=True)
    images = (pixels / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    learn, held, learn_labels, held_labels = train_test_split(images, labels, random_state=0, stratify=labels)
    return (learn, learn_labels), (held, held_labels)


def train(data: Split, epochs: int = 20) -> DigitNet:
    """A DigitNet trained on `data`, always the same."""
    torch.manual_seed(0)
    images, labels = (torch.from_numpy(part) for part in data)
    network = DigitNet().train()
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(labels)).split(64):
            optimiser.zero_grad()
            F.cross_entropy(network(images[batch]), labels[batch]).backward()
            optimiser.step()
    return network
