"""Torchvision's operators for detection against kernels that follow their definitions, one region after the other."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from examples.support.torchvision_cpu import torchvision
from tests.frontends.torch.ops.inputs import ints, normal, positive
from tests.harness import Case, cases, check

vision = torchvision.ops
MAPS = normal(2, 4, 9, 11)
MAP = normal(1, 4, 9, 11)


def boxes(images: int, *more: list[float]) -> Tensor:
    """Boxes [K,5] all over maps of 9 by 11 and beyond, of all sizes, some turned inside out."""
    generator = torch.Generator().manual_seed(1)
    corners = torch.rand(8, 2, generator=generator) * 12 - 2
    sizes = torch.rand(8, 2, generator=generator) ** 2 * 11 - 0.5
    rows = torch.cat([torch.arange(8)[:, None] % images, corners, corners + sizes], 1)
    return torch.cat([rows, torch.tensor(more)]) if more else rows


ONE, TWO = boxes(1, [0, 1, 1, 5, 5], [0, 0, 0, 10, 8]), boxes(2)

REGIONS: list[Any] = [
    Case("roi_align", partial(vision.roi_align, output_size=3, sampling_ratio=2), [MAP, ONE], draws=0),
    Case("roi_align-batch", partial(vision.roi_align, output_size=(2, 3), sampling_ratio=2), [MAPS, TWO], draws=0),
    Case(
        "roi_align-aligned",
        partial(vision.roi_align, output_size=3, sampling_ratio=3, aligned=True),
        [MAPS, TWO],
        draws=0,
    ),
    Case("roi_align-adaptive", partial(vision.roi_align, output_size=2, aligned=True), [MAPS, TWO], draws=0),
    Case("roi_align-scaled", partial(vision.roi_align, output_size=3, spatial_scale=0.5), [MAP, ONE * 2], draws=0),
    Case("ps_roi_align", partial(vision.ps_roi_align, output_size=2, sampling_ratio=2), [MAP, ONE], draws=0),
    Case("ps_roi_align-batch", partial(vision.ps_roi_align, output_size=(1, 2)), [MAPS, TWO], draws=0),
    Case("roi_pool", partial(vision.roi_pool, output_size=3), [MAP, ONE], draws=0),
    Case("roi_pool-batch", partial(vision.roi_pool, output_size=(2, 3), spatial_scale=0.7), [MAPS, TWO], draws=0),
]


@cases(REGIONS)
def test_regions(case: Case) -> None:
    check(case)


def deformed(**options: Any) -> nn.Module:
    """A deformable convolution of 4 channels to 6, whose inputs are x, offsets and (optionally) factors."""
    torch.manual_seed(0)
    return vision.DeformConv2d(4, 6, **options)


DEFORMABLE: list[Any] = [
    Case("plain", deformed(kernel_size=3), [MAP, normal(1, 18, 7, 9)]),
    Case("padded", deformed(kernel_size=3, padding=1), [MAPS, normal(2, 18, 9, 11) * 3]),
    Case("factors", deformed(kernel_size=3, padding=1), [MAP, normal(1, 18, 9, 11), normal(1, 9, 9, 11)]),
    Case("strided", deformed(kernel_size=3, stride=2, padding=2, dilation=2), [MAP, normal(1, 18, 5, 6)]),
    Case("uneven", deformed(kernel_size=(1, 3), padding=(0, 1)), [MAPS, normal(2, 6, 9, 11)]),
    Case("groups", deformed(kernel_size=3, padding=1, groups=2), [MAP, normal(1, 18, 9, 11)]),
    Case("offset_groups", deformed(kernel_size=3, padding=1), [MAPS, normal(2, 36, 9, 11), normal(2, 18, 9, 11)]),
    Case("both_groups", deformed(kernel_size=1, groups=2, bias=False), [MAP, normal(1, 4, 9, 11)]),
]


@cases(DEFORMABLE)
def test_deformable_convolution(case: Case) -> None:
    check(case)


def test_overlap() -> None:
    corners = normal(5, 2)
    some = torch.cat([corners, corners + 1.5], 1)
    check(Case("", vision.box_iou, [some, some + 0.3]))
    check(Case("", vision.generalized_box_iou, [some, some + 0.3]))


def suppressed(boxes: Tensor, scores: Tensor) -> Any:
    kept = vision.nms(boxes, scores, 0.3)
    return kept, boxes[kept], scores[kept].exp()


CORNERS = positive(40, 2, high=12)
SOLID = torch.cat([CORNERS, CORNERS + positive(40, 2, high=5)], 1)
ANY = normal(40, 4)
ANY[:5, 2:] = ANY[:5, :2]  # of no area
SUPPRESSIONS: list[Any] = [
    Case("nms", suppressed, [SOLID, normal(40)], draws=0),
    Case("nms-equal-scores", suppressed, [SOLID, normal(40).round()], draws=0),
    Case("nms-empty-and-turned", suppressed, [ANY, normal(40)]),
    Case("nms-one", suppressed, [SOLID[:1], normal(1)], draws=0),
    Case("nms-none", partial(vision.nms, iou_threshold=1.0), [SOLID, normal(40)], error="overlap by more than all"),
    Case(
        "batched_nms",
        lambda boxes, scores, kinds: vision.batched_nms(boxes, scores, kinds, 0.3),
        [SOLID, normal(40), ints(40, low=0, high=3)],
        draws=0,
    ),
]


@cases(SUPPRESSIONS)
def test_suppression(case: Case) -> None:
    check(case)
