"""Sequences of tensors whose number is known, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper

import liteport
from liteport.errors import UnsupportedError
from tests.frontends.onnx.harness import check, model

node = helper.make_node
ONE, TWO = {"i": np.int64(1)}, {"i": np.int64(-2)}

ROWS: list[tuple[str, list[NodeProto], dict[str, np.generic | np.ndarray], list[str] | None]] = [
    ("an element", [node("SequenceConstruct", ["x", "z"], ["s"]), node("SequenceAt", ["s", "i"], ["y"])], ONE, None),
    ("joined", [node("SequenceConstruct", ["x", "z"], ["s"]), node("ConcatFromSequence", ["s"], ["y"], axis=1)], {},
        ["CONCATENATION"]),
    ("stacked", [node("SequenceConstruct", ["x", "z"], ["s"]),
        node("ConcatFromSequence", ["s"], ["y"], axis=1, new_axis=1)], {}, None),
    ("pieces", [node("SplitToSequence", ["x", "n"], ["s"], axis=1), node("SequenceAt", ["s", "i"], ["y"])],
        {"n": np.int64(2), **TWO}, ["SLICE"]),
    ("pieces of lengths", [node("SplitToSequence", ["x", "n"], ["s"], axis=1), node("SequenceAt", ["s", "i"], ["y"])],
        {"n": np.array([1, 4]), **ONE}, ["SLICE"]),
    ("rows", [node("SplitToSequence", ["x"], ["s"], keepdims=0), node("SequenceAt", ["s", "i"], ["y"])], ONE, None),
    ("inserted and erased", [node("SequenceEmpty", [], ["s"]), node("SequenceInsert", ["s", "x"], ["t"]),
        node("SequenceInsert", ["t", "z", "i"], ["u"]), node("SequenceInsert", ["u", "x"], ["v"]),
        node("SequenceErase", ["v", "i"], ["w"]), node("ConcatFromSequence", ["w"], ["y"], axis=0)],
        {"i": np.int64(0)}, None),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "constants", "ops"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS])
def test_sequences(nodes: list[NodeProto], constants: dict[str, object], ops: list[str] | None) -> None:
    inputs = {"x": [3, 5]} | ({"z": [3, 5]} if any("z" in n.input for n in nodes) else {})
    check(model(nodes, inputs, ["y"], constants), ops)


def test_a_loop_may_collect_a_sequence() -> None:
    body = helper.make_graph(
        [
            node("Identity", ["going"], ["goes"]),
            node("Add", ["x", "x"], ["more"]),
            node("SequenceInsert", ["s", "more"], ["t"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("step", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("goes", TensorProto.BOOL, []),
            helper.make_tensor_sequence_value_info("t", TensorProto.FLOAT, None),
        ],
    )
    nodes = [
        node("SequenceEmpty", [], ["s0"]),
        node("Loop", ["m", "", "s0"], ["found"], body=body),
        node("ConcatFromSequence", ["found"], ["y"], axis=0),
    ]
    check(model(nodes, {"x": [2, 3]}, ["y"], {"m": np.int64(3)}))


def test_an_operator_on_tensors_takes_no_sequence() -> None:
    nodes = [node("SequenceConstruct", ["x"], ["s"]), node("Relu", ["s"], ["y"])]
    with pytest.raises(UnsupportedError, match="a sequence of tensors in the place of a tensor"):
        liteport.convert(model(nodes, {"x": [2]}, ["y"]))
