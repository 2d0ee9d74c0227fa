"""Torchvision's detectors as they come: how many boxes there are is counted when the model runs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from examples.support.torchvision_cpu import torchvision
from liteport.frontends.torch.detectors import plain_detectors
from tests.frontends.torch.ops.inputs import ints, normal, positive
from tests.harness import Case, cases, check

vision = torchvision.ops
CORNERS = positive(30, 2, high=60)
BOXES = torch.cat([CORNERS, CORNERS + positive(30, 2, high=40)], 1)
SCORES, KINDS = normal(30), ints(30, low=0, high=4)
NONE = [[BOXES, -SCORES.abs(), KINDS]]


def suppressed(boxes: Tensor, scores: Tensor, kinds: Tensor) -> Any:
    own = torch.where(scores > 0)[0]
    kept = vision.batched_nms(boxes[own], scores[own], kinds[own], 0.3)
    return boxes[own][kept], kinds[own][kept]


class Pooled(nn.Module):
    """Regions of a score above 0, each pooled from one of two levels."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = vision.MultiScaleRoIAlign(["0", "1"], output_size=3, sampling_ratio=2, canonical_scale=40)

    def forward(self, large: Tensor, small: Tensor, boxes: Tensor, scores: Tensor) -> Tensor:
        return self.pool({"0": large, "1": small}, [boxes[scores > 0]], [(64, 64)])


def pasted(masks: Tensor, boxes: Tensor, scores: Tensor) -> Tensor:
    """The masks of a score above 0; their boxes reach over the image's borders."""
    from torchvision.models.detection import roi_heads

    own = torch.where(scores > 0)[0]
    return roi_heads.paste_masks_in_image(masks[own], boxes[own], (60, 70))


MASKS, AROUND = positive(30, 1, 14, 14, high=1), torch.tensor([-5.0, -5.0, 5.0, 5.0])
MAPS = [normal(1, 3, 16, 16), normal(1, 3, 8, 8)]
DETECTION: list[Any] = [
    Case("batched_nms", suppressed, [BOXES, SCORES, KINDS], draws=0, also=NONE),
    Case("paste_masks", pasted, [MASKS, BOXES + AROUND, SCORES], draws=0, also=[[MASKS, BOXES, -SCORES.abs()]]),
    Case("multi_scale", Pooled(), [*MAPS, BOXES, SCORES], draws=0, also=[[*MAPS, BOXES, -SCORES.abs()]]),
]


@cases(DETECTION)
def test_counted_boxes(case: Case) -> None:
    check(case)


def test_what_is_replaced_comes_back() -> None:
    original = vision.batched_nms
    with plain_detectors():
        assert vision.batched_nms is not original
        assert torchvision.ops.boxes.batched_nms is vision.batched_nms
    assert vision.batched_nms is original is torchvision.ops.boxes.batched_nms
