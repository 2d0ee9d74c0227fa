"""GridSample and AffineGrid against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from tests.frontends.onnx.harness import check, model

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("align", [0, 1])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["linear", "nearest", "cubic"])
def test_grid_sample(mode: str, padding: str, align: int) -> None:
    node = helper.make_node("GridSample", ["x", "grid"], ["y"], mode=mode, padding_mode=padding, align_corners=align)
    proto = model([node], {"x": [2, 3, 5, 6], "grid": [2, 4, 7, 2]}, ["y"], opset=20)
    check(proto, grid=RNG.uniform(-1.3, 1.3, (2, 4, 7, 2)).astype(np.float32))


@pytest.mark.parametrize("mode", ["linear", "nearest"])
def test_volumes(mode: str) -> None:
    node = helper.make_node("GridSample", ["x", "grid"], ["y"], mode=mode, align_corners=1)
    proto = model([node], {"x": [1, 2, 4, 5, 6], "grid": [1, 3, 4, 5, 3]}, ["y"], opset=20)
    check(proto, grid=RNG.uniform(-1.2, 1.2, (1, 3, 4, 5, 3)).astype(np.float32))


def test_names_before_opset_20() -> None:
    node = helper.make_node("GridSample", ["x", "grid"], ["y"], mode="bicubic")
    proto = model([node], {"x": [2, 3, 5, 6], "grid": [2, 4, 7, 2]}, ["y"], opset=16)
    check(proto, grid=RNG.uniform(-1.3, 1.3, (2, 4, 7, 2)).astype(np.float32))


@pytest.mark.parametrize("align", [0, 1])
@pytest.mark.parametrize("size", [[2, 3, 4, 5], [2, 3, 4, 5, 6]], ids=["planes", "volumes"])
def test_affine_grid(size: list[int], align: int) -> None:
    node = helper.make_node("AffineGrid", ["theta", "size"], ["y"], align_corners=align)
    dims = len(size) - 2
    check(model([node], {"theta": [2, dims, dims + 1]}, ["y"], {"size": np.array(size, np.int64)}, opset=20))


def test_halves_go_to_the_even_element() -> None:
    node = helper.make_node("GridSample", ["x", "grid"], ["y"], mode="nearest", align_corners=1)
    proto = model([node], {"x": [1, 1, 1, 5], "grid": [1, 1, 4, 2]}, ["y"], opset=20)
    halves = np.stack([np.array([-0.75, -0.25, 0.25, 0.75]), np.zeros(4)], -1).astype(np.float32)
    check(proto, grid=halves.reshape(1, 1, 4, 2))
