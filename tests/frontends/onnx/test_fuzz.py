"""Damaged files: whatever is wrong with a model, liteport says so in a sentence of its own, and comes back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import AttributeProto, ModelProto, TensorProto, helper

from liteport.errors import InvalidGraphError, LiteportError
from liteport.frontends.onnx.inputs import declared
from liteport.frontends.onnx.model import OnnxModel
from liteport.frontends.onnx.source import OnnxFile, read
from liteport.frontends.onnx.wire import without_weights
from liteport.ir.inputs import resolve
from tests.frontends.onnx.harness import model

node = helper.make_node
BOUNDED = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def network() -> ModelProto:
    """A bit of everything: a convolution, a pooling, shape arithmetic, a linear layer."""
    nodes = [
        node("Conv", ["x", "w"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
        node("MaxPool", ["c"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Shape", ["p"], ["shape"]),
        node("Slice", ["shape", "zero", "one"], ["batch"]),
        node("Concat", ["batch", "rest"], ["target"], axis=0),
        node("Reshape", ["p", "target"], ["flat"]),
        node("Gemm", ["flat", "m", "bias"], ["g"], transB=1),
        node("Softmax", ["g"], ["s"], axis=1),
        node("Split", ["s", "parts"], ["left", "y"], axis=1),
    ]
    rng = np.random.default_rng(0)
    constants = {
        "w": rng.standard_normal((4, 3, 3, 3)).astype(np.float32),
        "m": rng.standard_normal((6, 16)).astype(np.float32),
        "bias": np.zeros(6, np.float32),
        **{
            name: np.array(numbers)
            for name, numbers in (("zero", [0]), ("one", [1]), ("rest", [-1]), ("parts", [2, 4]))
        },
    }
    return model(nodes, {"x": [1, 3, 8, 8]}, ["y"], constants)


def imported(file: OnnxFile) -> None:
    OnnxModel(file, resolve(declared(file.proto.graph), (), {})).to_ir()


def comes_back(proto: ModelProto) -> None:
    """Imports a model, which may end in an error for users, but in no other: a damaged model is no bug of liteport's."""
    try:
        imported(read(proto))
    except InvalidGraphError:
        raise
    except LiteportError:
        return


def test_the_network_itself_is_imported() -> None:
    imported(read(network()))


@BOUNDED
@given(st.data())
def test_bytes_that_are_damaged(data: Any) -> None:
    content = bytearray(network().SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    try:
        small, places = without_weights(memoryview(bytes(content)))
        proto = ModelProto.FromString(small)
    except (LiteportError, DecodeError):
        return
    assert all(p.offset + p.length <= len(content) for p in places.values())
    comes_back(proto)


NUMBERS = st.sampled_from([-(1 << 63), -(1 << 31), -100, -2, -1, 0, 1, 2, 3, 7, 100, 1 << 31, 1 << 40, (1 << 63) - 1])


def attributes(proto: ModelProto) -> list[AttributeProto]:
    return [a for n in proto.graph.node for a in n.attribute]


@BOUNDED
@given(st.data())
def test_attributes_of_any_number(data: Any) -> None:
    proto = network()
    attribute = data.draw(st.sampled_from(attributes(proto)))
    if attribute.type == AttributeProto.INT:
        attribute.i = data.draw(NUMBERS)
    else:
        attribute.ints[:] = data.draw(st.lists(NUMBERS, max_size=6))
    comes_back(proto)


@BOUNDED
@given(st.data())
def test_constants_of_any_number_and_shape(data: Any) -> None:
    proto = network()
    tensor = data.draw(st.sampled_from(list(proto.graph.initializer)))
    what = data.draw(st.sampled_from(["numbers", "shape", "type"]))
    if what == "shape":
        tensor.dims[:] = data.draw(st.lists(NUMBERS, max_size=5))
    elif what == "type":
        tensor.data_type = data.draw(st.integers(-1, 30))
    elif tensor.data_type == TensorProto.INT64:
        numbers = data.draw(st.lists(NUMBERS, min_size=1, max_size=6))
        tensor.dims[:] = [len(numbers)]
        tensor.raw_data = np.array(numbers, np.int64).tobytes()
    comes_back(proto)


@BOUNDED
@given(st.data())
def test_names_that_are_mixed_up(data: Any) -> None:
    proto = network()
    names = [name for n in proto.graph.node for name in (*n.input, *n.output)] + ["", "nobody"]
    chosen = data.draw(st.sampled_from(list(proto.graph.node)))
    names_of = chosen.input if data.draw(st.booleans()) else chosen.output
    names_of[data.draw(st.integers(0, len(names_of) - 1))] = data.draw(st.sampled_from(names))
    comes_back(proto)


@BOUNDED
@given(st.data())
def test_operators_that_are_swapped(data: Any) -> None:
    proto = network()
    chosen = data.draw(st.sampled_from(list(proto.graph.node)))
    chosen.op_type = data.draw(st.sampled_from(sorted({n.op_type for n in proto.graph.node} | OTHERS)))
    comes_back(proto)


OTHERS = {
    *("Add", "Expand", "Tile", "Pad", "Range", "ConstantOfShape", "OneHot", "TopK", "GatherND", "ScatterND", "Einsum"),
    *("Transpose", "Squeeze", "ReduceSum", "CumSum", "LSTM", "Resize", "BatchNormalization", "Where", "If", "Loop"),
    *("Trilu", "EyeLike", "AveragePool", "ConvTranspose", "DepthToSpace", "LayerNormalization", "MatMul", "Col2Im"),
}


def test_bombs_do_not_go_off() -> None:
    huge = {"n": np.array([1 << 40])}
    for nodes in (
        [node("ConstantOfShape", ["n"], ["y"])],
        [node("Expand", ["x", "n"], ["y"])],
        [node("Tile", ["x", "n"], ["y"])],
        [node("Range", ["zero", "limit", "one"], ["y"])],
    ):
        constants = {**huge, "zero": np.int64(0), "one": np.int64(1), "limit": np.int64(1 << 40)}
        comes_back(model(nodes, {"x": [1]}, ["y"], constants))


def test_functions_that_call_themselves() -> None:
    proto = model([node("F", ["x"], ["y"], domain="own")], {"x": [1]}, ["y"])
    opset = [helper.make_opsetid("", 22), helper.make_opsetid("own", 1)]
    again = node("F", ["x"], ["y"], domain="own")
    proto.functions.append(helper.make_function("own", "F", ["x"], ["y"], [again], opset))
    proto.opset_import.append(helper.make_opsetid("own", 1))
    with pytest.raises(LiteportError, match="calls itself"):
        imported(read(proto))
