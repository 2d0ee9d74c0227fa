"""Resize and Upsample against ONNX Runtime, in every mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from onnx import helper

from tests.frontends.onnx.harness import check, model

TRANSFORMATIONS = ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"]
ROUNDINGS = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]
SHAPE = (1, 2, 6, 8)

Row = tuple[Mapping[str, Any], Sequence[int] | None, Sequence[float] | None]

ROWS: dict[str, Row] = {}
for name in TRANSFORMATIONS:
    for rounding in ROUNDINGS:
        given = {"mode": "nearest", "coordinate_transformation_mode": name, "nearest_mode": rounding}
        ROWS[f"nearest, {name}, {rounding}"] = (given, [1, 2, 9, 5], None)
    for mode in ("linear", "cubic"):
        given = {"mode": mode, "coordinate_transformation_mode": name}
        ROWS[f"{mode}, {name}, larger"] = (given, [1, 2, 9, 16], None)
        ROWS[f"{mode}, {name}, smaller"] = (given, [1, 2, 3, 5], None)
        ROWS[f"{mode}, {name}, by factors"] = (given, None, [1, 1, 1.6, 0.7])
for mode in ("linear", "cubic"):
    for exclude in (0, 1):
        given = {"mode": mode, "antialias": 1, "exclude_outside": exclude}
        ROWS[f"antialiased {mode}, {exclude}"] = (given, [1, 2, 3, 5], None)
ROWS |= {
    "cubic, other coefficient": ({"mode": "cubic", "cubic_coeff_a": -0.5}, [1, 2, 9, 5], None),
    "cubic, excluding": ({"mode": "cubic", "exclude_outside": 1}, [1, 2, 9, 5], None),
    "nearest doubled": ({"mode": "nearest", "coordinate_transformation_mode": "asymmetric"}, None, [1, 1, 2, 2]),
    "channels too": ({"mode": "nearest"}, [1, 3, 9, 5], None),
    "some axes": ({"mode": "linear", "axes": [3, 2]}, [5, 9], None),
    "not larger": ({"mode": "linear", "axes": [2, 3], "keep_aspect_ratio_policy": "not_larger"}, [7, 8], None),
    "not smaller": ({"mode": "linear", "axes": [2, 3], "keep_aspect_ratio_policy": "not_smaller"}, [7, 8], None),
}


@pytest.mark.parametrize("name", list(ROWS))
def test_resize(name: str) -> None:
    attributes, sizes, scales = ROWS[name]
    constants = {"sizes": np.array(sizes, np.int64)} if sizes else {"scales": np.array(scales, np.float32)}
    operands = ["x", "", "", "sizes"] if sizes else ["x", "", "scales"]
    node = helper.make_node("Resize", operands, ["y"], **attributes)
    check(model([node], {"x": SHAPE}, ["y"], constants, opset=19))


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_a_region_is_cut_out_and_what_is_beyond_is_extrapolated(mode: str) -> None:
    constants = {
        "roi": np.array([0, 0, 0.3, -0.2, 1, 1, 0.8, 1.1], np.float32),
        "sizes": np.array([1, 2, 4, 7], np.int64),
    }
    given = {"mode": mode, "coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 7.0}
    node = helper.make_node("Resize", ["x", "roi", "", "sizes"], ["y"], **given)
    check(model([node], {"x": SHAPE}, ["y"], constants, opset=19))


@pytest.mark.parametrize(("operator", "opset"), [("Resize", 10), ("Upsample", 9)])
@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_before_opset_11(operator: str, opset: int, mode: str) -> None:
    node = helper.make_node(operator, ["x", "scales"], ["y"], mode=mode)
    check(model([node], {"x": SHAPE}, ["y"], {"scales": np.array([1, 1, 2, 3], np.float32)}, opset=opset))


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_half_pixels_that_opset_11_alone_has(mode: str) -> None:
    given = {"mode": mode, "coordinate_transformation_mode": "tf_half_pixel_for_nn"}
    constants = {"roi": np.zeros(0, np.float32), "scales": np.array([1, 1, 1.6, 0.7], np.float32)}
    node = helper.make_node("Resize", ["x", "roi", "scales"], ["y"], **given)
    check(model([node], {"x": SHAPE}, ["y"], constants, opset=11))


def test_volumes() -> None:
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], mode="linear")
    constants = {"sizes": np.array([1, 2, 5, 3, 8], np.int64)}
    check(model([node], {"x": (1, 2, 4, 6, 4)}, ["y"], constants, opset=19))
