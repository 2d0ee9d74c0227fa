"""If, Loop and Scan against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

import liteport
from liteport.errors import UnsupportedError
from tests.frontends.onnx.harness import check, model

node = helper.make_node
F, INT, B = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def graph(
    nodes: Sequence[NodeProto], inputs: Mapping[str, int], outputs: Mapping[str, int], **constants: Any
) -> GraphProto:
    """A body, whose inputs and outputs have these types; only those of a loop's own have a shape."""
    shapes: dict[str, list[int]] = {"step": [], "count": [], "going": [], "again": []}
    given = [
        [helper.make_tensor_value_info(n, t, shapes.get(n)) for n, t in infos.items()] for infos in (inputs, outputs)
    ]
    initial = [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()]
    return helper.make_graph(nodes, "body", *given, initial)


def branches(yes: str, no: str) -> dict[str, GraphProto]:
    """Branches that apply an operator to x, which is outside."""
    return {
        "then_branch": graph([node(yes, ["x"], ["t"])], {}, {"t": F}),
        "else_branch": graph([node(no, ["x"], ["e"])], {}, {"e": F}),
    }


@pytest.mark.parametrize("flag", [True, False])
def test_a_constant_condition_leaves_one_branch(flag: bool) -> None:
    proto = model([node("If", ["c"], ["y"], **branches("Relu", "Neg"))], {"x": [2, 3]}, ["y"], {"c": np.array(flag)})
    check(proto, ["RELU" if flag else "NEG"])


def test_a_condition_on_the_data_becomes_if() -> None:
    nodes = [
        node("ReduceSum", ["x"], ["s"], keepdims=0),
        node("Greater", ["s", "zero"], ["c"]),
        node("If", ["c"], ["y"], **branches("Relu", "Neg")),
    ]
    converted = check(model(nodes, {"x": [2, 3]}, ["y"], {"zero": np.float32(0)}))
    assert "IF" in [op.name for op in converted.module.graphs[0].ops]


def test_branches_of_different_sizes_give_an_open_size() -> None:
    both = graph([node("Concat", ["x", "x"], ["e"], axis=0)], {}, {"e": F})
    nodes = [
        node("ReduceSum", ["x"], ["s"], keepdims=0),
        node("Greater", ["s", "zero"], ["c"]),
        node("If", ["c"], ["y"], **{**branches("Relu", "Neg"), "else_branch": both}),
        node("Abs", ["y"], ["z"]),
    ]
    proto = model(nodes, {"x": [2, 3]}, ["z"], {"zero": np.float32(0)})
    for sign in (1, -1):
        check(proto, x=np.full((2, 3), sign, np.float32))


def test_branches_of_different_ranks_are_refused() -> None:
    sums = graph([node("ReduceSum", ["x"], ["e"], keepdims=0)], {}, {"e": F})
    given = {**branches("Relu", "Neg"), "else_branch": sums}
    proto = model([node("If", ["c"], ["y"], **given)], {"x": [2, 3], "c": []}, ["y"], types={"c": B})
    with pytest.raises(UnsupportedError, match=r"branches that give float32\[2,3\] and float32\[\]"):
        liteport.convert(proto)


def counting(*nodes: NodeProto, results: Sequence[str] = ("v_out",), **constants: Any) -> GraphProto:
    """The body of a loop over v, which sees x, and goes on as it is told."""
    first = node("Identity", ["going"], ["goes"])
    inputs = {"step": INT, "going": B, "v": F}
    return graph([first, *nodes], inputs, {"goes": B} | dict.fromkeys(results, F), **constants)


ADDED = node("Add", ["v", "x"], ["v_out"])
WITH_ROWS = counting(ADDED, node("Mul", ["v_out", "two"], ["row"]), results=("v_out", "row"), two=np.float32(2))


def test_few_steps_are_written_out() -> None:
    constants = {"m": np.int64(3), "v0": np.zeros((2, 3), np.float32)}
    proto = model(
        [node("Loop", ["m", "", "v0"], ["y", "rows"], body=WITH_ROWS)], {"x": [2, 3]}, ["y", "rows"], constants
    )
    converted = check(proto)
    assert len(converted.module.graphs) == 1


def test_many_steps_are_a_while_whose_rows_are_written_in_place() -> None:
    constants = {"m": np.int64(50), "v0": np.zeros((2, 3), np.float32)}
    proto = model(
        [node("Loop", ["m", "", "v0"], ["y", "rows"], body=WITH_ROWS)], {"x": [2, 3]}, ["y", "rows"], constants
    )
    converted = check(proto)
    assert [op.name for op in converted.module.graphs[0].ops] == ["WHILE"]


def test_values_may_change_places() -> None:
    nodes = [node("Identity", ["going"], ["goes"]), node("Add", ["a", "b"], ["c"]), node("Identity", ["b"], ["d"])]
    body = graph(nodes, {"step": INT, "going": B, "a": F, "b": F}, {"goes": B, "d": F, "c": F})
    proto = model(
        [node("Loop", ["m", "", "x", "z"], ["p", "q"], body=body)], {"x": [2], "z": [2]}, ["p", "q"], {"m": 40}
    )
    check(proto)


def test_no_step_at_all() -> None:
    constants = {"m": np.int64(0), "v0": np.zeros((2, 3), np.float32)}
    proto = model([node("Loop", ["m", "", "v0"], ["y"], body=counting(ADDED))], {"x": [2, 3]}, ["y"], constants)
    check(model([*proto.graph.node, node("Add", ["y", "x"], ["z"])], {"x": [2, 3]}, ["z"], constants))


def until(limit: float) -> GraphProto:
    """The body of a loop that goes on until the largest of v reaches a limit."""
    nodes = [
        node("Abs", ["x"], ["size"]),
        node("Add", ["size", "one"], ["more"]),
        node("Add", ["v", "more"], ["v_out"]),
        node("ReduceMax", ["v_out"], ["top"], keepdims=0),
        node("Less", ["top", "limit"], ["goes"]),
        node("Neg", ["v_out"], ["row"]),
    ]
    inputs = {"step": INT, "going": B, "v": F}
    return graph(nodes, inputs, {"goes": B, "v_out": F, "row": F}, limit=np.float32(limit), one=np.float32(1))


def test_a_condition_on_the_data_ends_the_loop_and_its_rows() -> None:
    constants = {"m": np.int64(30), "v0": np.zeros((2, 3), np.float32)}
    proto = model(
        [node("Loop", ["m", "", "v0"], ["y", "rows"], body=until(20))], {"x": [2, 3]}, ["y", "rows"], constants
    )
    check(proto)


def test_a_number_of_steps_that_is_an_input() -> None:
    constants = {"v0": np.zeros((2, 3), np.float32)}
    nodes = [node("Loop", ["m", "", "v0"], ["y"], body=counting(ADDED))]
    check(model(nodes, {"x": [2, 3], "m": []}, ["y"], constants, types={"m": INT}), m=np.asarray(7))


def test_the_largest_number_of_steps_is_no_limit() -> None:
    body = until(20)
    del body.output[2:]
    constants = {"m": np.int64(2**63 - 1), "v0": np.zeros((2, 3), np.float32)}
    check(model([node("Loop", ["m", "", "v0"], ["y"], body=body)], {"x": [2, 3]}, ["y"], constants))
    loop = model([node("Loop", ["m", "", "x"], ["y"], body=body)], {"x": [2, 3], "m": []}, ["y"], types={"m": INT})
    converted = liteport.convert(loop, kwargs={"m": np.asarray(2**62)})
    assert np.array_equal(converted(np.ones((2, 3), np.float32), np.asarray(2**62)), np.full((2, 3), 21.0))


def scanned(**attributes: Any) -> NodeProto:
    nodes = [node("Add", ["s", "row"], ["s_out"]), node("Mul", ["s_out", "s_out"], ["y_row"])]
    body = graph(nodes, {"s": F, "row": F}, {"s_out": F, "y_row": F})
    return node("Scan", ["s0", "x"], ["s", "y"], body=body, num_scan_inputs=1, **attributes)


SCANS = [
    ("few", [4, 3], {}),
    ("many", [60, 3], {}),
    ("backward", [40, 3], {"scan_input_directions": [1]}),
    ("written backward", [40, 3], {"scan_output_directions": [1]}),
    ("along the last axis", [3, 40], {"scan_input_axes": [1], "scan_output_axes": [-1]}),
]


@pytest.mark.parametrize(("shape", "attributes"), [s[1:] for s in SCANS], ids=[s[0] for s in SCANS])
def test_scan(shape: list[int], attributes: dict[str, Any]) -> None:
    check(model([scanned(**attributes)], {"x": shape, "s0": [3]}, ["s", "y"]))


def test_loops_in_loops() -> None:
    inner = node("Loop", ["n", "", "w"], ["w_out"], body=counting(node("Add", ["v", "x"], ["v_out"])))
    kept = node("Identity", ["again"], ["yes"])
    outer = graph([kept, inner], {"count": INT, "again": B, "w": F}, {"yes": B, "w_out": F})
    constants = {"m": np.int64(30), "n": np.int64(40), "v0": np.zeros(3, np.float32)}
    check(model([node("Loop", ["m", "", "v0"], ["y"], body=outer)], {"x": [3]}, ["y"], constants))


def test_values_that_change_their_shape_in_a_loop_on_data_are_refused() -> None:
    body = counting(node("Concat", ["v", "x"], ["v_out"], axis=0))
    proto = model([node("Loop", ["m", "", "x"], ["y"], body=body)], {"x": [2, 3], "m": []}, ["y"], types={"m": INT})
    with pytest.raises(UnsupportedError, match=r"a loop in which .* changes from float32\[2,3\] to float32\[4,3\]"):
        liteport.convert(proto)


def test_values_that_grow_are_written_out() -> None:
    body = counting(node("Concat", ["v", "x"], ["v_out"], axis=0))
    check(model([node("Loop", ["m", "", "x"], ["y"], body=body)], {"x": [2, 3]}, ["y"], {"m": np.int64(5)}))


@pytest.mark.parametrize("steps", [1, 7])
def test_rows_of_as_many_steps_as_are_computed(steps: int) -> None:
    constants = {"v0": np.zeros((2, 3), np.float32)}
    nodes = [node("Loop", ["m", "", "v0"], ["y", "rows"], body=WITH_ROWS)]
    proto = model(nodes, {"x": [2, 3], "m": []}, ["y", "rows"], constants, types={"m": INT})
    check(proto, m=np.asarray(steps))


def test_a_step_may_take_the_row_of_its_number() -> None:
    nodes = [
        node("Unsqueeze", ["step", "axis"], ["first"]),
        node("Add", ["step", "one"], ["next"]),
        node("Unsqueeze", ["next", "axis"], ["last"]),
        node("Slice", ["x", "first", "last"], ["row"]),
        node("Add", ["v", "row"], ["v_out"]),
    ]
    body = counting(*nodes, axis=np.array([0]), one=np.int64(1))
    constants = {"m": np.int64(50), "v0": np.zeros((1, 3), np.float32)}
    check(model([node("Loop", ["m", "", "v0"], ["y"], body=body)], {"x": [50, 3]}, ["y"], constants))
