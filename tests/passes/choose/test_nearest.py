"""Enlargements by nearest neighbours against PyTorch, alone and before convolutions."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tests.harness import Case, cases, check


def enlarged(kernel: Any, factor: Any = 2, channels: int = 4, **options: Any) -> nn.Module:
    return nn.Sequential(nn.Upsample(scale_factor=factor), nn.Conv2d(channels, 5, kernel, **options))


X = [torch.randn(1, 4, 5, 6)]
PHASES = [*["CONV_2D"] * 4, "CONCATENATION", "DEPTH_TO_SPACE"]
COPIES = ["CONCATENATION", "RESHAPE", "CONCATENATION", "RESHAPE"]
CASES = [
    Case("3x3", enlarged(3, padding=1), X),
    Case("3x3 without padding", enlarged(3), X),
    Case("5x5", enlarged(5, padding=2), X),
    Case("by 3", enlarged(3, 3, padding=1), X),
    Case("height and width by other factors", enlarged(3, (2, 3), padding=1), X),
    Case("and a clamp", nn.Sequential(enlarged(3, padding=1), nn.ReLU()), X),
    Case("1x1 goes before it", enlarged(1, channels=64), [torch.randn(1, 64, 4, 4)], ops=["TRANSPOSE", "CONV_2D", *COPIES, "TRANSPOSE"]),
    Case("steps", enlarged(3, padding=1, stride=2), X, ops=["TRANSPOSE", *COPIES, "PAD", "CONV_2D", "TRANSPOSE"]),
    Case("many channels stay", nn.Upsample(scale_factor=2), [torch.randn(1, 32, 4, 4)], ops=["TRANSPOSE", "RESIZE_NEAREST_NEIGHBOR", "TRANSPOSE"]),
    Case("no whole number", nn.Upsample(scale_factor=1.5), X, ops=["TRANSPOSE", "RESIZE_NEAREST_NEIGHBOR", "TRANSPOSE"]),
]  # fmt: skip


@cases(CASES)
def test_nearest(case: Case) -> None:
    check(case)
