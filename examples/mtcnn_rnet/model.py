"""RNet of MTCNN (Zhang et al., 2016): sorts candidate windows into faces and others, and corrects their boxes."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class RNet(nn.Module):
    """Windows [N,3,24,24] to corrections of their boxes [N,4] and probabilities of no face and face [N,2]."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 28, 3)
        self.prelu1 = nn.PReLU(28)
        self.conv2 = nn.Conv2d(28, 48, 3)
        self.prelu2 = nn.PReLU(48)
        self.conv3 = nn.Conv2d(48, 64, 2)
        self.prelu3 = nn.PReLU(64)
        self.dense4 = nn.Linear(64 * 3 * 3, 128)
        self.prelu4 = nn.PReLU(128)
        self.faces = nn.Linear(128, 2)
        self.boxes = nn.Linear(128, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = F.max_pool2d(self.prelu1(self.conv1(x)), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.prelu2(self.conv2(x)), 3, 2, ceil_mode=True)
        x = self.prelu3(self.conv3(x))
        # The published weights come from Caffe, which runs through columns before rows.
        x = x.permute(0, 3, 2, 1).flatten(1)
        x = self.prelu4(self.dense4(x))
        return self.boxes(x), self.faces(x).softmax(-1)
