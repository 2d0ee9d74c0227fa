"""Torchvision's operators for detection. They are listed by name: torchvision need not be there."""

from __future__ import annotations

from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.ir.graph import Value
from liteport.lowering import deformable, regions
from liteport.lowering.regions import Bins


def roi_align(
    b: TorchBuilder,
    x: Value,
    rois: Value,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
    sampling_ratio: int,
    aligned: bool,
) -> Value:
    """roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width,
    int sampling_ratio, bool aligned) -> Tensor"""
    bins = Bins(spatial_scale, (pooled_height, pooled_width), max(sampling_ratio, 0), aligned)
    return regions.roi_align(b, x, rois, bins)


def ps_roi_align(
    b: TorchBuilder,
    x: Value,
    rois: Value,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
    sampling_ratio: int,
) -> tuple[Value, None]:
    """ps_roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width,
    int sampling_ratio) -> (Tensor, Tensor): the second, which only the gradient takes, is left out."""
    bins = Bins(spatial_scale, (pooled_height, pooled_width), max(sampling_ratio, 0), True)
    return regions.ps_roi_align(b, x, rois, bins), None


def roi_pool(
    b: TorchBuilder, x: Value, rois: Value, spatial_scale: float, pooled_height: int, pooled_width: int
) -> tuple[Value, None]:
    """roi_pool(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width)
    -> (Tensor, Tensor): the second, which only the gradient takes, is left out."""
    return regions.roi_pool(b, x, rois, spatial_scale, (pooled_height, pooled_width)), None


def deform_conv2d(
    b: TorchBuilder,
    x: Value,
    weight: Value,
    offset: Value,
    mask: Value,
    bias: Value,
    stride_h: int,
    stride_w: int,
    pad_h: int,
    pad_w: int,
    dilation_h: int,
    dilation_w: int,
    groups: int,
    offset_groups: int,
    use_mask: bool,
) -> Value:
    """deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, SymInt stride_h,
    SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h, SymInt dilation_w, SymInt groups,
    SymInt offset_groups, bool use_mask) -> Tensor"""
    stride, padding, dilation = (stride_h, stride_w), (pad_h, pad_w), (dilation_h, dilation_w)
    factors = mask if use_mask else None
    return deformable.convolve(b, x, weight, offset, factors, bias, stride, padding, dilation, groups)


def nms(b: TorchBuilder, dets: Value, scores: Value, iou_threshold: float) -> Value:
    """nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"""
    return regions.nms(b, dets, scores, iou_threshold, b.result)


LOWERINGS: Table = {
    "torchvision.deform_conv2d.default": deform_conv2d,
    "torchvision.nms.default": nms,
    "torchvision.ps_roi_align.default": ps_roi_align,
    "torchvision.roi_align.default": roi_align,
    "torchvision.roi_pool.default": roi_pool,
}
