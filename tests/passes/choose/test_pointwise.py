"""Linear layers over channels against PyTorch: moved to where there are fewer places, and merged."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.harness import Case, cases, check


class Head(nn.Module):
    """Maps of several sizes at the largest of them, joined, and a convolution over all; SegFormer's and HRNet's."""

    def __init__(self, mode: str = "bilinear", project: bool = True) -> None:
        super().__init__()
        self.project = nn.ModuleList(nn.Conv2d(32, 48, 1) if project else nn.ReLU() for _ in range(3))
        self.join = nn.Conv2d(144 if project else 96, 40, 1, bias=False)
        self.norm = nn.BatchNorm2d(40)
        self.mode = mode

    def forward(self, *maps: Tensor) -> Tensor:
        size = maps[0].shape[2:]
        parts = [layer(x) for layer, x in zip(self.project, maps, strict=True)]
        wide = [x if x.shape[2:] == size else nn.functional.interpolate(x, size, mode=self.mode) for x in parts]
        return torch.relu(self.norm(self.join(torch.cat(wide, 1))))


MAPS = [torch.randn(1, 32, n, n) for n in (16, 8, 4)]


def up(channels: int, *after: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Upsample(scale_factor=4, mode="bilinear"), nn.Conv2d(channels, 16, 1), *after)


BEFORE = ["TRANSPOSE", "CONV_2D", "RESIZE_BILINEAR"]
POOL = nn.AvgPool2d(2)


CASES = [
    Case("before upsampling", up(64), [torch.randn(1, 64, 4, 5)], ops=[*BEFORE, "TRANSPOSE"]),
    Case("and its clamp after", up(64, nn.ReLU6()), [torch.randn(1, 64, 4, 5)], ops=[*BEFORE, "RELU6", "TRANSPOSE"]),
    Case("few channels stay", up(2), [torch.randn(1, 2, 4, 5)], ops=["TRANSPOSE", "RESIZE_BILINEAR", "CONV_2D", "TRANSPOSE"]),
    Case("parts of several sizes", Head(project=False), MAPS),
    Case("nearest", Head("nearest", project=False), MAPS),
    Case("layers behind layers are one", Head(), MAPS),
    Case("after pooling", nn.Sequential(nn.Conv2d(8, 6, 1), POOL), [torch.randn(1, 8, 8, 8)], ops=["TRANSPOSE", "AVERAGE_POOL_2D", "CONV_2D", "TRANSPOSE"]),
    Case("a clamp between", nn.Sequential(nn.Conv2d(8, 6, 1), nn.ReLU(), POOL), [torch.randn(1, 8, 8, 8)], ops=["TRANSPOSE", "CONV_2D", "AVERAGE_POOL_2D", "TRANSPOSE"]),
    Case("after a mean", lambda x: nn.functional.linear(x, torch.ones(6, 8)).mean(1), [torch.randn(1, 20, 8)], ops=["MEAN", "FULLY_CONNECTED"]),
    Case("two layers", nn.Sequential(nn.Linear(8, 30), nn.Linear(30, 6)), [torch.randn(3, 8)], ops=["FULLY_CONNECTED"]),
    Case("through few", nn.Sequential(nn.Linear(8, 2), nn.Linear(2, 8)), [torch.randn(3, 8)], ops=["FULLY_CONNECTED"] * 2),
]  # fmt: skip


@cases(CASES)
def test_pointwise(case: Case) -> None:
    check(case)
