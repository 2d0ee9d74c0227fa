"""What detectors need: pooling over regions, suppression of boxes, deformable convolution."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from liteport.errors import UnsupportedError
from liteport.frontends.onnx.context import OnnxBuilder, Table, known, one_of
from liteport.frontends.onnx.ops.conv import spread
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType, TensorType
from liteport.lowering import basic, control, deformable, indexing, regions
from liteport.lowering.formula import Term, maximum, minimum
from liteport.lowering.regions import Bins

Ints = Sequence[int]

_FEW = 4  # classes up to which the suppression is written out for each, and is no loop


def roi_align(
    b: OnnxBuilder,
    x: Value,
    rois: Value,
    batch: Value,
    *,
    coordinate_transformation_mode: str = "half_pixel",
    mode: str = "avg",
    output_height: int = 1,
    output_width: int = 1,
    sampling_ratio: int = 0,
    spatial_scale: float = 1.0,
) -> Value:
    """RoiAlign(X, rois, batch_indices, coordinate_transformation_mode="half_pixel", mode="avg", output_height=1, ...)

    Before opset 16 the coordinates begin at the elements' edges.
    """
    begin = one_of(coordinate_transformation_mode, "half_pixel", "output_half_pixel")
    halves = b.opset >= 16 and begin == "half_pixel"
    bins = Bins(spatial_scale, (output_height, output_width), sampling_ratio, halves)
    numbers = basic.reshape(b, basic.cast(b, batch, DType.FLOAT32), (rois.shape[0], 1))
    boxes = basic.concat(b, [numbers, rois], 1)
    if one_of(mode, "avg", "max") == "max":
        return regions.roi_align_max(b, x, boxes, bins)
    return regions.roi_align(b, x, boxes, bins)


def max_roi_pool(b: OnnxBuilder, x: Value, rois: Value, *, pooled_shape: Ints, spatial_scale: float = 1.0) -> Value:
    """MaxRoiPool(X, rois, pooled_shape, spatial_scale=1)"""
    return regions.roi_pool(b, x, rois, spatial_scale, (pooled_shape[0], pooled_shape[1]))


def non_max_suppression(
    b: OnnxBuilder,
    boxes: Value,
    scores: Value,
    most: Value | None = None,
    overlap: Value | None = None,
    least: Value | None = None,
    *,
    center_point_box: int = 0,
) -> Value:
    """NonMaxSuppression(boxes[B,N,4], scores[B,C,N], max_output_boxes_per_class, iou_threshold, score_threshold,
    center_point_box=0): rows of batch, class and box, as many as are kept."""
    batch, classes, count = scores.shape
    limit = 0 if most is None else min(int(known(most, "a number of boxes").reshape(-1)[0]), count)
    if limit <= 0:
        return b.const(np.zeros((0, 3), np.int64))
    threshold = 0.0 if overlap is None else float(known(overlap, "a threshold").reshape(-1)[0])
    if threshold >= 1:
        raise UnsupportedError("a suppression of boxes that overlap by more than all: sort them instead")
    bound = None if least is None else float(known(least, "a threshold").reshape(-1)[0])
    corners = _from_centres(b, boxes) if center_point_box else _in_order(b, boxes)

    def kept(b: OnnxBuilder, rows: Sequence[Value], state: Sequence[Value]) -> tuple[list[Value], list[Value]]:
        own, values = rows
        found, number = regions.suppressed(b, own, values, limit, threshold, bound)
        return [found, b.emit(ops.Less(), basic.ramp(b, limit), number)], []

    rows = basic.reshape(b, scores, (batch * classes, count))
    each = corners
    if classes > 1:
        repeated = basic.broadcast_to(b, basic.unsqueeze(b, corners, 1), (batch, classes, count, 4))
        each = basic.reshape(b, repeated, (batch * classes, count, 4))
    types = [TensorType(kind, (batch * classes, limit)) for kind in (DType.INT32, DType.BOOL)]
    (found, chosen), _ = control.scan_rows(b, kept, [], [each, rows], few=_FEW, outputs=types)
    places = np.indices((batch, classes, limit))[:2].reshape(2, -1).T.astype(np.int32)
    column = basic.reshape(b, found, (batch * classes * limit, 1))
    table = basic.concat(b, [b.const(places), column], 1)
    flat = basic.reshape(b, chosen, (batch * classes * limit,))
    return basic.cast(b, indexing.choose(b, table, 0, flat, b.open_size(batch * classes * limit)), DType.INT64)


def _in_order(b: OnnxBuilder, boxes: Value) -> Value:
    """Boxes with the lower corner first."""
    first, second = (Term(b, basic.narrow(b, boxes, 2, at, 2)) for at in (0, 2))
    return basic.concat(b, [minimum(first, second).value, maximum(first, second).value], 2)


def _from_centres(b: OnnxBuilder, boxes: Value) -> Value:
    """Boxes by their corners, of centres and sizes."""
    centre, size = (Term(b, basic.narrow(b, boxes, 2, at, 2)) for at in (0, 2))
    half = size * 0.5
    return basic.concat(b, [(centre - half).value, (centre + half).value], 2)


def deform_conv(
    b: OnnxBuilder,
    x: Value,
    w: Value,
    offset: Value,
    bias: Value | None = None,
    mask: Value | None = None,
    *,
    dilations: Ints | None = None,
    group: int = 1,
    kernel_shape: Ints | None = None,
    offset_group: int = 1,
    pads: Ints | None = None,
    strides: Ints | None = None,
) -> Value:
    """DeformConv(X, W, offset, B, mask, dilations, group=1, kernel_shape, offset_group=1, pads, strides)"""
    if x.rank != 4:
        raise UnsupportedError(f"deformable convolution over {x.rank - 2} dimensions: it is converted over 2")
    stride, dilation, before = spread(strides, 2), spread(dilations, 2), spread(pads, 4, 0)[:2]
    return deformable.convolve(b, x, w, offset, mask, bias, stride, before, dilation, group)


LOWERINGS: Table = {
    ("", "RoiAlign"): roi_align,
    ("", "MaxRoiPool"): max_roi_pool,
    ("", "NonMaxSuppression"): non_max_suppression,
    ("", "DeformConv"): deform_conv,
}
