"""LPRNet (Zherzdev and Gruzdev, 2018): reads the text of a licence plate without segmenting its characters."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SmallBasicBlock(nn.Module):
    """A 3x3 convolution taken apart: 1x1, 3x1, 1x3, 1x1, through a quarter of the channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        inner = outputs // 4
        self.block = nn.Sequential(
            nn.Conv2d(inputs, inner, 1),
            nn.ReLU(),
            nn.Conv2d(inner, inner, (3, 1), padding=(1, 0)),
            nn.ReLU(),
            nn.Conv2d(inner, inner, (1, 3), padding=(0, 1)),
            nn.ReLU(),
            nn.Conv2d(inner, outputs, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x)


class LPRNet(nn.Module):
    """Images [N,3,24,94] to scores [N,classes,18] of a character (or none) at each of 18 places.

    Its 3-d pooling runs over [N,C,H,W] as if channels were depth, so that it thins out channels too.
    """

    _TAPS = (2, 6, 13, 22)  # layers of the backbone whose results make up the global context

    def __init__(self, classes: int = 68) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(3, 64, 3),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool3d((1, 3, 3), stride=(1, 1, 1)),
            SmallBasicBlock(64, 128),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.MaxPool3d((1, 3, 3), stride=(2, 1, 2)),
            SmallBasicBlock(64, 256),
            nn.BatchNorm2d(256),
            nn.ReLU(),
            SmallBasicBlock(256, 256),
            nn.BatchNorm2d(256),
            nn.ReLU(),
            nn.MaxPool3d((1, 3, 3), stride=(4, 1, 2)),
            nn.Dropout(0.5),
            nn.Conv2d(64, 256, (1, 4)),
            nn.BatchNorm2d(256),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Conv2d(256, classes, (13, 1)),
            nn.BatchNorm2d(classes),
            nn.ReLU(),
        )
        self.container = nn.Conv2d(64 + 128 + 256 + classes, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        taps = []
        for index, layer in enumerate(self.backbone):
            x = layer(x)
            if index in self._TAPS:
                taps.append(x)
        wide, middle, narrow, last = taps
        context = [F.avg_pool2d(wide, 5, 5), F.avg_pool2d(middle, 5, 5), F.avg_pool2d(narrow, (4, 10), (4, 2)), last]
        scaled = [c / c.pow(2).mean() for c in context]
        return self.container(torch.cat(scaled, 1)).mean(2)
