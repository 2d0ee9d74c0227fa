"""Transposed convolutions against PyTorch, in the forms that a conversion gives them."""

from __future__ import annotations

import torch
from torch import nn

from tests.harness import Case, cases, check

IN, OUT = 6, 4


def up(kernel: int | tuple[int, int], stride: int | tuple[int, int], **options: int | tuple[int, int]) -> nn.Module:
    return nn.ConvTranspose2d(IN, OUT, kernel, stride, **options)


def image(height: int = 5, width: int = 7) -> list[torch.Tensor]:
    return [torch.randn(1, IN, height, width)]


PHASES = [*["PAD", "CONV_2D"] * 3, "CONV_2D", "CONCATENATION", "DEPTH_TO_SPACE"]
CASES = [
    Case("4x4, twice the size", up(4, 2, padding=1), image(), ops=["TRANSPOSE", *PHASES, "TRANSPOSE"]),
    Case("2x2, twice the size", up(2, 2), image(), ops=["TRANSPOSE", "CONV_2D", "DEPTH_TO_SPACE", "TRANSPOSE"]),
    Case("3x3, twice the size", up(3, 2, padding=1, output_padding=1), image()),
    Case("3x3, one less", up(3, 2, padding=1), image()),
    Case("3x3, all of it", up(3, 2), image()),
    Case("5x5", up(5, 2, padding=2, output_padding=1), image()),
    Case("7x7, cropped by more than the input is wide", up(7, 2, padding=5), image()),
    Case("by 4", up(8, 4, padding=2), image()),
    Case("by another number along each dimension", up((4, 3), (2, 3), padding=(1, 0)), image()),
    Case("dilated", up(3, 2, dilation=2), image()),
    Case("a kernel shorter than its step", up(2, 3), image(), ops=["TRANSPOSE", "TRANSPOSE_CONV", "TRANSPOSE"]),
    Case("with a clamp", nn.Sequential(up(4, 2, padding=1), nn.ReLU()), image()),
    Case("with a norm", nn.Sequential(up(3, 2, padding=1, output_padding=1), nn.BatchNorm2d(OUT), nn.ReLU()), image()),
    Case("one dimension", nn.ConvTranspose1d(IN, OUT, 4, 2, padding=1), [torch.randn(1, IN, 9)]),
]


@cases(CASES)
def test_transposed(case: Case) -> None:
    check(case)
