"""Layers whose results are cut up, against PyTorch: a layer for each part where the parts fill the kernel's columns."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.harness import Case, cases, check

W48 = torch.randn(48, 8)


def heads(x: Tensor) -> list[Tensor]:
    return list(nn.functional.linear(x, W48).reshape(2, 5, 6, 8).transpose(1, 2).chunk(3, 1))


def gated(x: Tensor) -> Tensor:
    value, gate = nn.functional.conv2d(x, W48[:32, :, None, None]).chunk(2, 1)
    return value * gate.sigmoid()


CASES = [
    Case("parts of a layer", lambda x: nn.functional.linear(x, W48).relu().chunk(3, -1), [torch.randn(2, 5, 8)], ops=["FULLY_CONNECTED"] * 3),
    Case("parts of different widths", lambda x: nn.functional.linear(x, W48).split((32, 16), -1), [torch.randn(2, 5, 8)], ops=["FULLY_CONNECTED"] * 2),
    Case("a narrow one among them", lambda x: nn.functional.linear(x, W48).split((40, 8), -1), [torch.randn(2, 5, 8)], ops=["FULLY_CONNECTED", "SPLIT_V"]),
    Case("narrow ones", lambda x: nn.functional.linear(x, W48).chunk(6, -1), [torch.randn(2, 5, 8)], ops=["FULLY_CONNECTED", *["SLICE"] * 6]),
    Case("parts of the places", lambda x: nn.functional.linear(x, W48).split(1, 0), [torch.randn(2, 5, 8)], ops=["FULLY_CONNECTED", "SPLIT"]),
    Case("the whole layer too", lambda x: (y := nn.functional.linear(x, W48), *y.chunk(3, -1)), [torch.randn(2, 5, 8)], ops=["FULLY_CONNECTED", "SPLIT"]),
    Case("parts in another order", heads, [torch.randn(2, 5, 8)], ops=["FULLY_CONNECTED", "RESHAPE", "TRANSPOSE", "SPLIT"]),
    Case("parts of every head", lambda x: nn.functional.linear(x, W48).reshape(2, 5, 2, 24).transpose(1, 2).chunk(3, -1), [torch.randn(2, 5, 8)]),
    Case("parts of a convolution", gated, [torch.randn(1, 8, 4, 5)], ops=["TRANSPOSE", "CONV_2D", "CONV_2D", "LOGISTIC", "MUL", "TRANSPOSE"]),
]  # fmt: skip


@cases(CASES)
def test_parts(case: Case) -> None:
    check(case)
