"""What torchvision's detectors are told at their export. Nothing is imported where the user has none."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from liteport.frontends.torch.replaced import replaced


@contextmanager
def plain_detectors() -> Iterator[None]:
    """Inside, functions of torchvision that branch on how many boxes there are have no branches."""
    with replaced(_plain()):
        yield


def _plain() -> Mapping[Callable[..., Any], Callable[..., Any]]:
    """The functions without branches, by those that they stand for, as far as these are loaded."""
    return {
        getattr(sys.modules[module], plain.__name__): plain
        for module, functions in _FUNCTIONS.items()
        if module in sys.modules
        for plain in functions
    }


def batched_nms(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """The indices of the boxes[K,4] that no better one of their own kind overlaps by more than the threshold.

    Every kind is moved to a place of its own, as torchvision does with up to 1000 boxes. With more it takes one kind
    after the other, which gives the same but for overlaps that are within a rounding of the threshold.
    """
    reach = torch.cat([boxes.flatten(), boxes.new_zeros(1)]).max() + 1
    kept: Tensor = torch.ops.torchvision.nms(boxes + (idxs.to(boxes) * reach)[:, None], scores, iou_threshold)
    return kept


def _multiscale_roi_align(
    x_filtered: list[Tensor],
    boxes: list[Tensor],
    output_size: list[int],
    sampling_ratio: int,
    scales: list[float],
    mapper: Any,
) -> Tensor:
    """The pooled regions[K,C,PH,PW], each from the maps of its own level."""
    poolers = sys.modules["torchvision.ops.poolers"]
    rois = poolers._convert_to_roi_format(boxes)
    levels = mapper(boxes)
    places = [torch.where(levels == level)[0] for level in range(len(x_filtered))]
    pooled = [
        poolers.roi_align(maps, rois[own], output_size, scale, sampling_ratio)
        for own, maps, scale in zip(places, x_filtered, scales, strict=True)
    ]
    result = x_filtered[0].new_zeros(rois.shape[0], *pooled[0].shape[1:])
    return result.index_put((torch.cat(places),), torch.cat(pooled).to(result.dtype))


def paste_masks_in_image(masks: Tensor, boxes: Tensor, img_shape: tuple[int, int], padding: int = 1) -> Tensor:
    """Masks[K,1,M,M] in their boxes[K,4] on an image: [K,1,H,W], 0 around the box.

    torchvision resizes one mask after the other to its box, which is a product with linear interpolation's weights
    from the left for the rows, and one from the right for the columns: these are formed for the whole image, and all
    masks at once.
    """
    heads = sys.modules["torchvision.models.detection.roi_heads"]
    padded, scale = heads.expand_masks(masks, padding=padding)
    whole = heads.expand_boxes(boxes, scale).to(torch.int64)
    columns, rows = (
        _interpolation(whole[:, i], whole[:, i + 2], size, padded.shape[-1])
        for i, size in ((0, img_shape[1]), (1, img_shape[0]))
    )
    return (rows @ padded[:, 0] @ columns.transpose(1, 2))[:, None]


def _interpolation(first: Tensor, last: Tensor, size: int, points: int) -> Tensor:
    """The weights[K,size,points] with which `points` stretch from pixel first[K] to last[K], both among them."""
    place = torch.arange(size, device=first.device) - first[:, None]
    length = (last - first + 1)[:, None]
    source = ((place + 0.5) * (points / length.clamp(min=1)) - 0.5).clamp(0, points - 1)
    near = (1 - (source[..., None] - torch.arange(points, device=first.device)).abs()).clamp(min=0)
    return near * ((place >= 0) & (place < length))[..., None]


_FUNCTIONS: Mapping[str, tuple[Callable[..., Any], ...]] = {
    "torchvision.ops.boxes": (batched_nms,),
    "torchvision.ops.poolers": (_multiscale_roi_align,),
    "torchvision.models.detection.roi_heads": (paste_masks_in_image,),
}
