"""Convolutions of few channels and by blocks, in longer runs, against PyTorch."""

from __future__ import annotations

import torch
from torch import nn

from tests.harness import Case, cases, check


def image(channels: int, height: int, width: int) -> list[torch.Tensor]:
    return [torch.randn(1, channels, height, width)]


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 3, 4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.patches(x) + nn.functional.max_pool2d(x, 4)


BLOCKS = ["RESHAPE", "TRANSPOSE", "RESHAPE"]
ROWS = ["TRANSPOSE", "PAD", "RESHAPE"]
CLAMPED = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3), nn.ReLU())
CASES = [
    Case("patches", nn.Conv2d(3, 24, 8, 8), image(3, 32, 40), ops=[*BLOCKS, "CONV_2D", "TRANSPOSE"]),
    Case("patches that leave a rest", nn.Conv2d(3, 64, 8, 8), image(3, 35, 43)),
    Case("patches that are no squares", nn.Conv2d(3, 64, (4, 8), (4, 8)), image(3, 16, 32), ops=["TRANSPOSE", "RESHAPE", "CONV_2D", "TRANSPOSE"]),
    Case("downsampling of many channels", nn.Conv2d(64, 32, 2, 2), image(64, 8, 6), ops=["TRANSPOSE", "SPACE_TO_DEPTH", "CONV_2D", "TRANSPOSE"]),
    Case("of a middling number", nn.Conv2d(32, 32, 2, 2), image(32, 8, 6), ops=["TRANSPOSE", "CONV_2D", "TRANSPOSE"]),
    Case("a stem", CLAMPED, image(3, 33, 31), ops=[*ROWS, *["SLICE"] * 4, "CONCATENATION", "CONV_2D", "TRANSPOSE"]),
    Case("a stem that leaves columns out", nn.Conv2d(3, 64, 5, 3), image(3, 30, 28)),
    Case("a stem by SAME", nn.Conv2d(1, 64, 3, 1, 1), image(1, 9, 8)),
    Case("a stem by blocks", nn.Conv2d(3, 16, 3, 2, 1), image(3, 16, 18), ops=[*BLOCKS, "PAD", "CONV_2D", "TRANSPOSE"]),
    Case("with a clamp", nn.Sequential(nn.Conv2d(3, 16, 7, 4, 3), nn.ReLU6()), image(3, 16, 24), ops=[*BLOCKS, "PAD", "CONV_2D", "TRANSPOSE"]),
    Case("not padded", nn.Conv2d(3, 16, 5, 2), image(3, 16, 18), ops=[*BLOCKS, "CONV_2D", "TRANSPOSE"]),
    Case("whose last blocks no window sees", nn.Conv2d(3, 16, 2, 4), image(3, 16, 20)),
    Case("with padding of a whole block", nn.Conv2d(1, 16, 7, 2, 5), image(1, 8, 8)),
    Case("of four channels stays", nn.Conv2d(4, 64, 7, 2, 3), image(4, 16, 16), ops=["TRANSPOSE", "PAD", "CONV_2D", "TRANSPOSE"]),
    Case("to few results stays", nn.Conv2d(3, 12, 3, 2, 1), image(3, 16, 16), ops=["TRANSPOSE", "PAD", "CONV_2D", "TRANSPOSE"]),
    Case("of an odd size stays", nn.Conv2d(3, 16, 3, 2, 1), image(3, 15, 15), ops=["TRANSPOSE", "CONV_2D", "TRANSPOSE"]),
    Case("dilated", nn.Conv2d(3, 64, 7, 1, 6, dilation=2), image(3, 16, 16), ops=["TRANSPOSE", "CONV_2D", "TRANSPOSE"]),
    Case("along the height", nn.Conv2d(3, 64, (7, 1)), image(3, 16, 16), ops=["TRANSPOSE", "CONV_2D", "TRANSPOSE"]),
    Case("sound", nn.Conv1d(1, 64, 10, 5), [torch.randn(1, 1, 160)]),
    Case("patches, several at a time", nn.Conv2d(3, 24, 4, 4), [torch.randn(2, 3, 8, 12)], ops=[*BLOCKS, "CONV_2D", "TRANSPOSE"]),
    Case("an image that is used twice", Twice(), image(3, 8, 12)),
    Case("several at a time", nn.Conv2d(3, 64, 7, 2, 3), [torch.randn(2, 3, 16, 18)]),
]  # fmt: skip


@cases(CASES)
def test_stem(case: Case) -> None:
    check(case)
