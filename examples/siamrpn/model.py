"""SiamRPN (Li et al., 2018): follows an object that it is shown once, by correlating its features with each frame's."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

ANCHORS = 5
FEATURES = 256


class SiamRPN(nn.Module):
    """`template` turns a picture of the object into kernels, `track` finds the object in a picture with them, and
    `features` is what both see of a picture.

    All run the same backbone, and share its weights. forward is the two of them in one go, as in training.
    """

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(3, 96, 11, stride=2),
            nn.BatchNorm2d(96),
            nn.MaxPool2d(3, stride=2),
            nn.ReLU(inplace=True),
            nn.Conv2d(96, 256, 5),
            nn.BatchNorm2d(256),
            nn.MaxPool2d(3, stride=2),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 384, 3),
            nn.BatchNorm2d(384),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 384, 3),
            nn.BatchNorm2d(384),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, 3),
            nn.BatchNorm2d(256),
        )
        self.template_boxes = nn.Conv2d(256, FEATURES * 4 * ANCHORS, 3)
        self.template_scores = nn.Conv2d(256, FEATURES * 2 * ANCHORS, 3)
        self.search_boxes = nn.Conv2d(256, FEATURES, 3)
        self.search_scores = nn.Conv2d(256, FEATURES, 3)
        self.adjust_boxes = nn.Conv2d(4 * ANCHORS, 4 * ANCHORS, 1)

    def features(self, image: Tensor) -> Tensor:
        """A picture [1,3,H,W] to features [1,256,h,w]."""
        return self.backbone(image)

    def template(self, image: Tensor) -> dict[str, Tensor]:
        """The object [1,3,127,127] to kernels for its boxes [20,256,4,4] and scores [10,256,4,4]."""
        features = self.features(image)
        return {
            "box_kernels": self.template_boxes(features).view(4 * ANCHORS, FEATURES, 4, 4),
            "score_kernels": self.template_scores(features).view(2 * ANCHORS, FEATURES, 4, 4),
        }

    def track(self, image: Tensor, box_kernels: Tensor, score_kernels: Tensor) -> dict[str, Tensor]:
        """A frame [1,3,271,271] and template's kernels to boxes [1,20,19,19] and scores [1,10,19,19]."""
        features = self.features(image)
        return {
            "boxes": self.adjust_boxes(F.conv2d(self.search_boxes(features), box_kernels)),
            "scores": F.conv2d(self.search_scores(features), score_kernels),
        }

    def forward(self, template: Tensor, search: Tensor) -> dict[str, Tensor]:
        return self.track(search, **self.template(template))
