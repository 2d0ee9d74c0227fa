"""Depthwise convolutions against PyTorch, in the forms that a conversion gives them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tests.harness import Case, cases, check


def depthwise(channels: int, kernel: Any, dims: int = 2, **options: Any) -> nn.Module:
    kind = nn.Conv2d if dims == 2 else nn.Conv1d
    return kind(channels, channels, kernel, groups=channels, **options)


def image(*shape: int) -> list[torch.Tensor]:
    return [torch.randn(1, *shape)]


CASES = [
    Case(
        "25 taps stay", depthwise(8, 5, padding=2), image(8, 9, 9), ops=["TRANSPOSE", "DEPTHWISE_CONV_2D", "TRANSPOSE"]
    ),
    Case("7x7, centred", depthwise(8, 7, padding=3), image(8, 14, 14)),
    Case("7x7 with a clamp", nn.Sequential(depthwise(8, 7, padding=3), nn.ReLU6()), image(8, 14, 14)),
    Case("7x7 without padding", depthwise(8, 7), image(8, 14, 14)),
    Case("7x7 by steps of 2, padded otherwise than SAME", depthwise(8, 7, padding=3, stride=2), image(8, 14, 15)),
    Case("7x7, more padding than it sees", depthwise(8, 7, padding=9), image(8, 5, 6)),
    Case("7x7 on less than a window", depthwise(8, 7, padding=3), image(8, 2, 3)),
    Case("9x9, dilated", depthwise(8, 9, padding=12, dilation=3), image(8, 20, 20)),
    Case("31x5", depthwise(8, (31, 5), padding=(15, 2)), image(8, 40, 12)),
    Case("one dimension", depthwise(8, 51, dims=1, padding=25), image(8, 100)),
    Case("one dimension, even", depthwise(8, 32, dims=1, padding="same"), image(8, 100)),
]


@cases(CASES)
def test_depthwise(case: Case) -> None:
    graph = check(case)
    assert graph is not None
    assert all(op.operand(1).shape[1] * op.operand(1).shape[2] <= 25 for op in graph.ops if "DEPTHWISE" in op.name)


SEVERAL = [
    Case("two each", nn.Conv2d(8, 16, 3, padding=1, groups=8), image(8, 9, 9)),
    Case("three each, large and by steps", nn.Conv2d(24, 72, 7, 2, padding=3, groups=24), image(24, 12, 12)),
    Case(
        "into weights: no order to put right",
        nn.Sequential(nn.Conv2d(8, 16, 3, padding=1, groups=8), nn.ReLU(), nn.Conv2d(16, 4, 1)),
        image(8, 9, 9),
        ops=["TRANSPOSE", "CONCATENATION", "DEPTHWISE_CONV_2D", "CONV_2D", "TRANSPOSE"],
    ),
    Case(
        "few channels stay",
        nn.Conv2d(3, 24, 3, padding=1, groups=3),
        image(3, 9, 9),
        ops=["TRANSPOSE", "DEPTHWISE_CONV_2D", "TRANSPOSE"],
    ),
]


@cases(SEVERAL)
def test_several_results_for_each_channel(case: Case) -> None:
    check(case)
