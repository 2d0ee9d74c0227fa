"""Torchvision's compiled operators in plain PyTorch, from their definitions, for `torchvision_cpu`.

They are slow and short: what a network that is converted is compared with, on a few images.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """The indices of the boxes that no better one overlaps by more than the threshold, best first."""
    order = scores.argsort(descending=True, stable=True)
    x1, y1, x2, y2 = boxes.unbind(1)
    area = (x2 - x1) * (y2 - y1)
    kept = []
    while order.numel():
        best, order = order[0], order[1:]
        kept.append(best)
        width = (torch.minimum(x2[best], x2[order]) - torch.maximum(x1[best], x1[order])).clamp(min=0)
        height = (torch.minimum(y2[best], y2[order]) - torch.maximum(y1[best], y1[order])).clamp(min=0)
        shared = width * height
        order = order[~(shared / (area[best] + area[order] - shared) > iou_threshold)]
    return torch.stack(kept) if kept else torch.empty(0, dtype=torch.int64)


def _sampled(x: Tensor, roi: Tensor, scale: float, bins: tuple[int, int], ratio: int, aligned: bool) -> Tensor:
    """The means of the samples of one region in every bin of x[C,H,W]: [C,PH,PW]."""
    shift = 0.5 if aligned else 0.0
    start, stop = (roi[[1, 0]] * scale - shift), (roi[[3, 2]] * scale - shift)
    extent = stop - start if aligned else (stop - start).clamp(min=1.0)
    lines, counts = [], []
    for axis in (0, 1):
        step = extent[axis] / bins[axis]
        count = ratio if ratio > 0 else max(int(step.ceil()), 0)
        inner = (torch.arange(count) + 0.5) * step / max(count, 1)
        lines.append((start[axis] + torch.arange(bins[axis])[:, None] * step + inner).reshape(-1))
        counts.append(count)
    if not all(counts):
        return x.new_zeros(x.shape[0], *bins)
    values = _bilinear(x, lines[0], lines[1])
    return values.reshape(-1, bins[0], counts[0], bins[1], counts[1]).mean((2, 4))


def _bilinear(x: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """x[C,H,W] at every combination of two lines of coordinates, 0 further than 1 outside."""
    parts = []
    for at, size in ((down, x.shape[1]), (right, x.shape[2])):
        near = (at >= -1) & (at <= size)
        at = at.clamp(0, size - 1)
        low = at.floor().long()
        parts.append((near, low, (low + 1).clamp(max=size - 1), at - low))
    (near_y, top, bottom, y), (near_x, left, other, xs) = parts
    above = x[:, top][:, :, left] * (1 - xs) + x[:, top][:, :, other] * xs
    below = x[:, bottom][:, :, left] * (1 - xs) + x[:, bottom][:, :, other] * xs
    value = above * (1 - y)[:, None] + below * y[:, None]
    return value * (near_y[:, None] & near_x)


def roi_align(
    x: Tensor, rois: Tensor, spatial_scale: float, height: int, width: int, sampling_ratio: int, aligned: bool
) -> Tensor:
    bins = (height, width)
    pooled = [_sampled(x[int(r[0])], r[1:], spatial_scale, bins, sampling_ratio, aligned) for r in rois]
    return torch.stack(pooled) if pooled else x.new_zeros(0, x.shape[1], height, width)


def ps_roi_align(
    x: Tensor, rois: Tensor, spatial_scale: float, height: int, width: int, sampling_ratio: int
) -> tuple[Tensor, Tensor]:
    pooled = roi_align(x, rois, spatial_scale, height, width, sampling_ratio, True)
    grouped = pooled.reshape(len(rois), -1, height, width, height, width)
    own = torch.einsum("kcpqpq->kcpq", grouped).contiguous()
    return own, torch.zeros_like(own, dtype=torch.int32)


def roi_pool(x: Tensor, rois: Tensor, spatial_scale: float, height: int, width: int) -> tuple[Tensor, Tensor]:
    out = x.new_zeros(len(rois), x.shape[1], height, width)
    for k, roi in enumerate(rois):
        scaled = roi[1:] * spatial_scale
        x1, y1, x2, y2 = (int(v) for v in scaled.sign() * (scaled.abs() + 0.5).floor())
        steps = (max(y2 - y1 + 1, 1) / height, max(x2 - x1 + 1, 1) / width)
        for p in range(height):
            for q in range(width):
                rows = _bin(p, steps[0], y1, x.shape[2])
                columns = _bin(q, steps[1], x1, x.shape[3])
                part = x[int(roi[0]), :, rows, columns]
                if part.numel():
                    out[k, :, p, q] = part.amax((1, 2))
    return out, torch.zeros_like(out, dtype=torch.int32)


def _bin(number: int, step: float, start: int, size: int) -> slice:
    ends = (torch.tensor(number * step).floor() + start, torch.tensor((number + 1) * step).ceil() + start)
    low, high = (min(max(int(e), 0), size) for e in ends)
    return slice(low, max(low, high))


def deform_conv2d(
    x: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor,
    bias: Tensor,
    stride_h: int,
    stride_w: int,
    pad_h: int,
    pad_w: int,
    dilation_h: int,
    dilation_w: int,
    groups: int,
    offset_groups: int,
    use_mask: bool,
) -> Tensor:
    (n, channels, height, width), (taps_h, taps_w), (out_h, out_w) = x.shape, weight.shape[2:], offset.shape[2:]
    offset = offset.reshape(n * offset_groups, taps_h, taps_w, 2, out_h, out_w)
    factors = mask.reshape(n * offset_groups, 1, taps_h, taps_w, out_h, out_w) if use_mask else None
    maps = x.reshape(n * offset_groups, channels // offset_groups, height, width)
    columns = []
    for i in range(taps_h):
        for j in range(taps_w):
            down = offset[:, i, j, 0] + (torch.arange(out_h) * stride_h - pad_h + i * dilation_h)[:, None]
            right = offset[:, i, j, 1] + (torch.arange(out_w) * stride_w - pad_w + j * dilation_w)
            grid = torch.stack([right * 2 / max(width - 1, 1) - 1, down * 2 / max(height - 1, 1) - 1], -1)
            sampled = F.grid_sample(maps, grid, align_corners=True)
            columns.append(sampled if factors is None else sampled * factors[:, :, i, j])
    rows = torch.stack(columns, 2).reshape(n, groups, channels // groups * taps_h * taps_w, out_h * out_w)
    filters = weight.reshape(groups, weight.shape[0] // groups, -1)
    return torch.einsum("gok,ngkp->ngop", filters, rows).reshape(n, -1, out_h, out_w) + bias[:, None, None]
