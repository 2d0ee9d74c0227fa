"""Fourier transforms and determinants against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import helper

import liteport
from liteport.errors import UnsupportedError
from tests.frontends.onnx.harness import check, model

TRANSFORMS: list[tuple[str, list[int], int | None, int, dict[str, int]]] = [
    ("of real numbers", [2, 10, 1], None, 1, {}),
    ("of real numbers, one side", [2, 9, 1], None, 1, {"onesided": 1}),
    ("of complex numbers", [2, 10, 2], None, 1, {}),
    ("back", [2, 10, 2], None, 1, {"inverse": 1}),
    ("of fewer elements", [2, 10, 1], 6, 1, {}),
    ("of more elements", [2, 10, 1], 16, 1, {"onesided": 1}),
    ("along the first of two axes", [2, 6, 5, 1], None, 1, {}),
    ("along the second of two axes", [2, 6, 5, 2], None, 2, {}),
]


@pytest.mark.parametrize("opset", [17, 20])
@pytest.mark.parametrize(
    ("shape", "length", "axis", "attributes"), [t[1:] for t in TRANSFORMS], ids=[t[0] for t in TRANSFORMS]
)
def test_dft(shape: list[int], length: int | None, axis: int, attributes: dict[str, int], opset: int) -> None:
    constants: dict[str, Any] = {} if length is None else {"length": np.int64(length)}
    operands = ["x", "" if length is None else "length"]
    if opset == 17:
        attributes = {**attributes, "axis": axis}
    else:
        operands.append("axis")
        constants["axis"] = np.int64(axis)
    node = helper.make_node("DFT", operands if opset == 20 or length is not None else ["x"], ["y"], **attributes)
    check(model([node], {"x": shape}, ["y"], constants, opset=opset))


@pytest.mark.parametrize("window", [True, False])
@pytest.mark.parametrize("onesided", [0, 1])
def test_stft(window: bool, onesided: int) -> None:
    constants: dict[str, Any] = {"step": np.int64(4), "length": np.int64(16)}
    if window:
        constants["window"] = np.hanning(16).astype(np.float32)
    node = helper.make_node("STFT", ["x", "step", "window" if window else "", "length"], ["y"], onesided=onesided)
    check(model([node], {"x": [2, 60, 1]}, ["y"], constants))


@pytest.mark.parametrize("shape", [[1, 1], [2, 2], [3, 4, 4], [2, 2, 7, 7]], ids=str)
def test_det(shape: list[int]) -> None:
    check(model([helper.make_node("Det", ["x"], ["y"])], {"x": shape}, ["y"], opset=21))


def test_a_matrix_without_an_inverse_has_the_determinant_0() -> None:
    proto = model([helper.make_node("Det", ["x"], ["y"])], {"x": [2, 3, 3]}, ["y"], opset=21)
    check(proto, x=np.zeros((2, 3, 3), np.float32))


def test_matrices_of_many_elements_are_refused() -> None:
    proto = model([helper.make_node("DFT", ["x"], ["y"], axis=1)], {"x": [1, 8192, 1]}, ["y"], opset=17)
    with pytest.raises(UnsupportedError, match="a Fourier transform of 8192 elements"):
        liteport.convert(proto)


@pytest.mark.parametrize("mels", [8, 40])
def test_mel_weights(mels: int) -> None:
    numbers = {"mels": np.int64(mels), "length": np.int64(512), "rate": np.int64(16000)}
    edges = {"low": np.float32(0), "high": np.float32(8000)}
    nodes = [
        helper.make_node("MelWeightMatrix", [*numbers, *edges], ["weights"]),
        helper.make_node("MatMul", ["x", "weights"], ["y"]),
    ]
    check(model(nodes, {"x": [2, 257]}, ["y"], {**numbers, **edges}), ["FULLY_CONNECTED"])
