"""What of a model is quantised, and how far the numbers of its outputs lie apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper

import liteport
from liteport.frontends.onnx.source import read
from liteport.frontends.onnx.steps import is_quantised, steps
from tests.frontends.onnx.harness import model


def node(operator: str, inputs: str, outputs: str, domain: str = "") -> NodeProto:
    return helper.make_node(operator, inputs.split(), outputs.split(), domain=domain)


CONSTANTS = {
    "scale": np.array(0.5, np.float32),
    "zero": np.array(3, np.uint8),
    "w": np.ones((4, 2), np.uint8),
    "floats": np.ones((4, 2), np.float32),
}
STORED = [node("QuantizeLinear", "x scale zero", "q"), node("DequantizeLinear", "q scale zero", "y")]
DYNAMIC = [node("DynamicQuantizeLinear", "x", "q s z"), node("MatMulInteger", "q w z", "i")]

# The nodes of a model from x to y, whether they are quantised, the step of y.
MODELS = [
    ([node("MatMul", "x floats", "y")], False, {}),
    (STORED, True, {"y": 0.5}),
    ([*STORED[:1], node("DequantizeLinear", "q scale zero", "r"), node("Relu", "r", "y")], True, {}),
    ([*DYNAMIC, node("CastLike", "i scale", "f"), node("Mul", "f s", "y")], True, {"y": 0.0}),
    ([node("DynamicQuantizeMatMul", "x w scale", "p", "com.microsoft"), node("Relu", "p", "y")], True, {"y": 0.0}),
]


@pytest.mark.parametrize(("nodes", "quantised", "due"), MODELS)
def test_steps(nodes: Sequence[NodeProto], quantised: bool, due: dict[str, float]) -> None:
    file = read(model(nodes, {"x": (3, 4)}, ["y"], CONSTANTS))
    assert is_quantised(file) is quantised
    assert steps(file) == due


def test_products_of_integers_do_not_overflow_in_the_reference() -> None:
    """Two neighbouring products of 255 and -128 do not fit 16 bits."""
    extremes = model(
        [node("MatMulIntegerToFloat", "x most scale scale", "y", "com.microsoft")],
        {"x": (3, 64)},
        ["y"],
        {"most": np.full((64, 2), -128, np.int8), "scale": CONSTANTS["scale"]},
        opset=17,
        types={"x": TensorProto.UINT8},
    )
    given = np.full((3, 64), 255, np.uint8)
    converted = liteport.convert(extremes)
    (reference,) = converted.origin.run({"x": given}, "serving_default").values()
    assert reference.tolist() == converted(x=given).tolist() == [[-128 * 255 * 64 / 4] * 2] * 3
