"""Pooling over regions, suppression of boxes and deformable convolution against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

import liteport
from liteport.errors import UnsupportedError
from tests.frontends.onnx.harness import check, model

RNG = np.random.default_rng(0)
BOXES = np.array([[1, 2, 9, 8], [0, 0, 15, 11], [3.5, 1.2, 7.9, 10.1], [2, 2, 2.5, 2.5]], np.float32)

ALIGNED: list[tuple[str, Mapping[str, Any], int]] = [
    ("half pixels", {"output_height": 3, "output_width": 2, "sampling_ratio": 2}, 22),
    ("from edges", {"output_height": 3, "output_width": 2, "sampling_ratio": 2, "spatial_scale": 0.5}, 10),
    ("as many samples as elements", {"output_height": 3, "output_width": 2}, 22),
    ("the largest", {"output_height": 3, "output_width": 2, "sampling_ratio": 2, "mode": "max"}, 22),
]


@pytest.mark.parametrize(("attributes", "opset"), [row[1:] for row in ALIGNED], ids=[row[0] for row in ALIGNED])
def test_roi_align(attributes: Mapping[str, Any], opset: int) -> None:
    constants = {"rois": BOXES, "batch": np.array([0, 1, 0, 1], np.int64)}
    node = helper.make_node("RoiAlign", ["x", "rois", "batch"], ["y"], **attributes)
    check(model([node], {"x": [2, 3, 12, 16]}, ["y"], constants, opset=opset))


def test_max_roi_pool() -> None:
    rois = np.concatenate([np.array([[0], [1], [0], [1]], np.float32), np.round(BOXES)], 1)
    node = helper.make_node("MaxRoiPool", ["x", "rois"], ["y"], pooled_shape=[3, 2])
    check(model([node], {"x": [2, 3, 12, 16]}, ["y"], {"rois": rois}, opset=21))


def suppression(classes: int, batch: int = 1, **attributes: int) -> tuple[Any, dict[str, Any]]:
    """A model that suppresses 40 boxes, and boxes and scores for it."""
    constants = {"most": np.int64(6), "overlap": np.float32(0.4), "least": np.float32(0.3)}
    node = helper.make_node("NonMaxSuppression", ["boxes", "scores", *constants], ["y"], **attributes)
    shapes = {"boxes": [batch, 40, 4], "scores": [batch, classes, 40]}
    proto = model([node], shapes, ["y"], constants, types={"y": TensorProto.INT64})
    given = {name: RNG.uniform(0.05, 1, shape).astype(np.float32) for name, shape in shapes.items()}
    return proto, given


@pytest.mark.parametrize("classes", [1, 3, 20])
def test_non_max_suppression(classes: int) -> None:
    proto, given = suppression(classes, batch=2)
    check(proto, **given)


def test_boxes_by_their_centres() -> None:
    proto, given = suppression(2, center_point_box=1)
    check(proto, **given)


def test_thresholds_that_are_computed_are_refused() -> None:
    node = helper.make_node("NonMaxSuppression", ["boxes", "scores", "most", "overlap"], ["y"])
    shapes = {"boxes": [1, 4, 4], "scores": [1, 1, 4], "overlap": [1]}
    proto = model([node], shapes, ["y"], {"most": np.int64(3)}, types={"y": TensorProto.INT64})
    with pytest.raises(UnsupportedError, match="a threshold"):
        liteport.convert(proto)


DEFORMED: list[tuple[str, dict[str, Any], int, int]] = [
    ("plain", {"kernel_shape": [3, 3]}, 1, 1),
    ("strided, padded, dilated", {"strides": [2, 1], "pads": [1, 2, 1, 2], "dilations": [1, 2]}, 1, 1),
    ("in groups", {"group": 2, "offset_group": 2, "pads": [1, 1, 1, 1]}, 2, 2),
]


@pytest.mark.parametrize(("attributes", "group", "parts"), [d[1:] for d in DEFORMED], ids=[d[0] for d in DEFORMED])
def test_deform_conv(attributes: dict[str, Any], group: int, parts: int) -> None:
    stride, pads, dilation = (
        attributes.get(n, d) for n, d in (("strides", [1, 1]), ("pads", [0] * 4), ("dilations", [1, 1]))
    )
    sizes = [(n + pads[i] + pads[i + 2] - 2 * dilation[i] - 1) // stride[i] + 1 for i, n in enumerate((7, 8))]
    constants = {"w": RNG.normal(size=(4, 4 // group, 3, 3)).astype(np.float32), "b": np.ones(4, np.float32)}
    inputs = {"x": [2, 4, 7, 8], "offset": [2, parts * 18, *sizes], "mask": [2, parts * 9, *sizes]}
    node = helper.make_node("DeformConv", ["x", "w", "offset", "b", "mask"], ["y"], **attributes)
    check(model([node], inputs, ["y"], constants))
