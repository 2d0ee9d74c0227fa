"""The walk over a graph: constants, order, functions, what is missing, what is malformed."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

import liteport
from liteport.errors import InputError, LiteportError, UnsupportedError, UsageError
from liteport.frontends.onnx.context import OnnxBuilder
from liteport.frontends.onnx.ops import LOWERINGS
from liteport.ir.graph import Value
from tests.frontends.onnx.harness import check, model

node = helper.make_node


def test_shape_chains_are_folded_away() -> None:
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Gather", ["shape", "zero"], ["n"], axis=0),
        node("Unsqueeze", ["n", "axis"], ["first"]),
        node("Concat", ["first", "rest"], ["target"], axis=0),
        node("Reshape", ["x", "target"], ["flat"]),
        node("Relu", ["flat"], ["y"]),
    ]
    constants = {"zero": np.int64(0), "axis": np.array([0]), "rest": np.array([-1])}
    check(model(nodes, {"x": [2, 3, 4]}, ["y"], constants), ["RELU", "RESHAPE"])


def test_names_of_inputs_and_outputs_stay() -> None:
    converted = check(model([node("Relu", ["an/input:0"], ["out.1"])], {"an/input:0": [2, 3]}, ["out.1"]))
    assert converted.inspect().signatures[0].inputs[0].name == "an/input:0"
    assert converted.inspect().signatures[0].outputs[0].name == "out.1"


def test_nodes_may_stand_in_any_order() -> None:
    check(model([node("Relu", ["a"], ["y"]), node("Neg", ["x"], ["a"])], {"x": [2]}, ["y"]), ["NEG", "RELU"])


def test_an_operator_without_lowering_is_inlined_where_the_standard_has_a_body() -> None:
    check(
        model(
            [node("GroupNormalization", ["x", "s", "b"], ["y"], num_groups=2)],
            {"x": [1, 4, 3]},
            ["y"],
            {"s": np.ones(4, np.float32), "b": np.zeros(4, np.float32)},
        )
    )


def test_all_missing_operators_are_told_at_once() -> None:
    nodes = [
        node("Fancy", ["x"], ["a"], name="one", domain="my.company"),
        node("Fancy", ["a"], ["b"], name="two", domain="my.company"),
        node("Other", ["b"], ["y"], name="three", domain="my.company"),
    ]
    with pytest.raises(
        UnsupportedError, match=r"2 operators cannot be converted:\n  my.company::Fancy  x2  at one; two"
    ):
        liteport.convert(model(nodes, {"x": [2, 2]}, ["y"]))


MALFORMED = [
    ("cycle", [node("Add", ["x", "b"], ["a"]), node("Neg", ["a"], ["b"])], ["a"], "the graph is cyclic"),
    ("unknown input", [node("Neg", ["z"], ["y"])], ["y"], "'z', which Neg 'y' takes, is neither an input"),
    ("unknown output", [node("Neg", ["x"], ["y"])], ["z"], "output 'z' of graph 'test' is neither"),
    ("twice", [node("Neg", ["x"], ["y"]), node("Abs", ["x"], ["y"])], ["y"], "two nodes of the graph make 'y'"),
]


@pytest.mark.parametrize(("nodes", "outputs", "text"), [m[1:] for m in MALFORMED], ids=[m[0] for m in MALFORMED])
def test_malformed_graphs_are_refused(nodes: list[object], outputs: list[str], text: str) -> None:
    with pytest.raises(InputError, match=text):
        liteport.convert(model(nodes, {"x": [2]}, outputs))  # type: ignore[arg-type]


def test_shapes_that_do_not_fit_are_told_by_node() -> None:
    with pytest.raises(InputError, match="Add sum does not fit its inputs"):
        liteport.convert(model([node("Add", ["x", "z"], ["y"], name="sum")], {"x": [2], "z": [3]}, ["y"]))


FAULTS = [
    ("not an attribute's type", node("Flatten", ["x"], ["y"], axis="one"), InputError, "is not as the standard has it: Mismatched attribute"),
    ("bounds of several numbers", node("Clip", ["x", "x"], ["y"]), InputError, r"Clip -> y: a bound of float32\[2,3\]"),
    ("a norm of no name", node("LpNormalization", ["x"], ["y"], p=3), LiteportError, "a norm of p=3, where 1 or 2 is due"),
    ("an axis that is not there", node("Concat", ["x", "x"], ["y"], axis=7), InputError, "Concat -> y: axis 7 of a value with 2"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "kind", "text"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_faults_of_the_file(made: object, kind: type[LiteportError], text: str) -> None:
    with pytest.raises(kind, match=text):
        liteport.convert(model([made], {"x": [2, 3]}, ["y"]))  # type: ignore[list-item]


def test_a_lowering_that_is_wrong_is_told_from_a_file_that_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(b: OnnxBuilder, x: Value) -> Value:
        return x + 1  # type: ignore[operator]

    monkeypatch.setitem(LOWERINGS, ("", "Relu"), wrong)  # type: ignore[misc]
    with pytest.raises(LiteportError, match="is as the standard has it, but liteport fails on it") as caught:
        liteport.convert(model([node("Relu", ["x"], ["y"])], {"x": [2, 3]}, ["y"]))
    assert not isinstance(caught.value, InputError)


def test_hints_of_the_oldest_opset_are_left_out() -> None:
    check(model([node("Relu", ["x"], ["y"], consumed_inputs=[0])], {"x": [2]}, ["y"]), ["RELU"])


def test_an_output_that_is_listed_twice_is_one() -> None:
    converted = check(model([node("Relu", ["x"], ["y"])], {"x": [2]}, ["y", "y"]))
    assert [o.name for o in converted.inspect().signatures[0].outputs] == ["y"]


def test_loops_that_stand_too_deep_in_each_other_are_refused() -> None:
    inner = node("Add", ["v", "v"], ["w"])
    for _ in range(25):
        info = helper.make_tensor_value_info
        inputs = [info("i", TensorProto.INT64, []), info("c", TensorProto.BOOL, []), info("v", TensorProto.FLOAT, [2])]
        outputs = [info("c", TensorProto.BOOL, []), info("w", TensorProto.FLOAT, [2])]
        inner = node("Loop", ["m", "", "v"], ["w"], body=helper.make_graph([inner], "body", inputs, outputs))
    inner.input[2], inner.output[0] = "x", "y"
    with pytest.raises(InputError, match="stand too deep in each other"):
        liteport.convert(model([inner], {"x": [2], "m": []}, ["y"], types={"m": TensorProto.INT64}))


def test_open_sizes_are_asked_for_and_an_open_batch_is_one() -> None:
    proto = model([node("Relu", ["x"], ["y"])], {"x": ["N", 3, "H"]}, ["y"])
    with pytest.raises(UsageError, match=r"input x\[N,3,H\] has open sizes: give them with --input x=1,3,SIZE"):
        liteport.convert(proto)
    proto = model([node("Relu", ["x"], ["y"])], {"x": ["N", 3]}, ["y"])
    converted = liteport.convert(proto, verify=1)
    assert "the batch of input x[N,3] is 1" in converted.notes[0]


def test_what_is_given_as_a_plain_number_is_a_constant() -> None:
    proto = model([node("ReduceSum", ["x", "axes"], ["y"])], {"x": [2, 3], "axes": [1]}, ["y"], types={"axes": 7})
    with pytest.raises(UnsupportedError, match="axes computed when the model runs"):
        liteport.convert(proto)
    check(proto, ["SUM"], axes=[1])


def test_opsets_from_before_the_oldest_are_refused() -> None:
    with pytest.raises(InputError, match="the model is of opset 0: export it with one from 1"):
        liteport.convert(model([node("Relu", ["x"], ["y"])], {"x": [2]}, ["y"], opset=0))


def test_dynamic_dimensions_are_named_as_in_the_file() -> None:
    proto = model([node("Softmax", ["x"], ["y"])], {"x": ["batch", 3, "length"]}, ["y"])
    converted = liteport.convert(proto, (np.zeros((2, 3, 8), np.float32),), dynamic="all", verify=4)
    assert converted.inspect().signatures[0].inputs[0].shape == ("batch", 3, "length")
    converted = liteport.convert(proto, (np.zeros((2, 3, 8), np.float32),), dynamic="length:4..32", verify=4)
    assert converted.inspect().signatures[0].inputs[0].shape == (2, 3, "length")


def test_sizes_that_only_fit_in_steps() -> None:
    """Half the size, twice that, and the whole added: it fits where the size is even."""
    nodes = [
        node("MaxPool", ["x"], ["half"], kernel_shape=[1, 1], strides=[2, 2]),
        node(
            "Resize",
            ["half", "", "scales"],
            ["twice"],
            mode="nearest",
            nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        ),
        node("Add", ["x", "twice"], ["y"]),
    ]
    proto = model(nodes, {"x": [1, 3, "H", "W"]}, ["y"], {"scales": np.array([1, 1, 2, 2], np.float32)})
    example = (np.zeros((1, 3, 8, 12), np.float32),)
    with pytest.raises(InputError, match="it may at some sizes: tell --dynamic what they are multiples of"):
        liteport.convert(proto, example, dynamic="H,W")
    converted = liteport.convert(proto, example, dynamic="H:2..64/2,W/4", verify=4)
    assert converted.inspect().signatures[0].inputs[0].shape == (1, 3, "H", "W")
    with pytest.raises(UsageError, match="W is 12 in the example, which is no multiple of 8"):
        liteport.convert(proto, example, dynamic="H/2,W/8")
