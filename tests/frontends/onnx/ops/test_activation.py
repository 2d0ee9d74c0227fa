"""Activations, and functions along an axis, at the edges of what their attributes may say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from onnx import helper

from tests.frontends.onnx.harness import OPSET, check, model

ROWS = [
    ("shrink below zero, where both conditions hold", "Shrink", {"lambd": -0.5, "bias": 2.0}, OPSET),
    ("hardmax along one axis", "Hardmax", {"axis": 1}, OPSET),
    ("hardmax of all that follow", "Hardmax", {"axis": 1}, 12),
    ("softmax of all that follow", "Softmax", {}, 12),
    ("squeezed without axes", "Squeeze", {"axes": helper.make_attribute("axes", [], attr_type=7)}, 12),
]


@pytest.mark.parametrize(("operator", "attributes", "opset"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS])
def test_as_onnx_runtime_has_it(operator: str, attributes: Mapping[str, Any], opset: int) -> None:
    node = helper.make_node(operator, ["x"], ["y"])
    for name, value in attributes.items():
        node.attribute.append(value if hasattr(value, "ints") else helper.make_attribute(name, value))
    check(model([node], {"x": [3, 1, 2, 5]}, ["y"], opset=opset))
