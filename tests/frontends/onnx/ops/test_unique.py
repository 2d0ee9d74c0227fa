"""Unique against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.frontends.onnx.harness import check, model

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("ordered", [0, 1])
@pytest.mark.parametrize(("shape", "axis"), [([12], None), ([4, 5], None), ([9, 2], 0), ([2, 9], 1), ([3, 8, 2], 1)])
@pytest.mark.parametrize("kind", [np.float32, np.int64])
def test_unique(kind: Any, shape: list[int], axis: int | None, ordered: int) -> None:
    attributes = {} if axis is None else {"axis": axis}
    node = helper.make_node("Unique", ["x"], ["y", "first", "which", "often"], sorted=ordered, **attributes)
    types = dict.fromkeys(("first", "which", "often"), TensorProto.INT64)
    if kind is np.int64:
        types |= {"x": TensorProto.INT64, "y": TensorProto.INT64}
    check(model([node], {"x": shape}, ["y", *list(types)[:3]], types=types), x=RNG.integers(0, 3, shape).astype(kind))


def test_only_the_values() -> None:
    proto = model([helper.make_node("Unique", ["x"], ["y"])], {"x": [9]}, ["y"])
    check(proto, x=RNG.integers(0, 4, 9).astype(np.float32))
