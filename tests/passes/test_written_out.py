"""Forms that graphs arrive in written out: GELU, hard swish, inverse roots, rolls, softmax safe from empty rows."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import NodeProto, helper

from tests.frontends.onnx.harness import check, model

node = helper.make_node
F32 = np.float32

NUMBERS = {"half": F32(0.5), "one": F32(1), "root": F32(np.sqrt(2)), "three": F32(3), "six": F32(6), "zero": F32(0)}


def gelu(order: str) -> list[NodeProto]:
    """x * 0.5 * (1 + erf(x / sqrt(2))), multiplied in the order of the names."""
    inner = [node("Div", ["x", "root"], ["d"]), node("Erf", ["d"], ["e"]), node("Add", ["e", "one"], ["s"])]
    a, b, c = order.split()
    return [*inner, node("Mul", [a, b], ["m"]), node("Mul", ["m", c], ["y"])]


@pytest.mark.parametrize("order", ["x half s", "half s x", "x s half"])
def test_gelu_by_erf(order: str) -> None:
    check(model(gelu(order), {"x": [2, 8]}, ["y"], NUMBERS), ["GELU"])


def test_erf_alone_is_written_out() -> None:
    converted = check(model([node("Erf", ["x"], ["y"])], {"x": [2, 8]}, ["y"]))
    assert "ELU" in {op.name for op in converted.module.graphs[0].ops}


def test_hard_swish() -> None:
    nodes = [
        node("Add", ["x", "three"], ["a"]),
        node("Clip", ["a", "zero", "six"], ["c"]),
        node("Mul", ["x", "c"], ["m"]),
        node("Div", ["m", "six"], ["y"]),
    ]
    check(model(nodes, {"x": [2, 8]}, ["y"], NUMBERS), ["HARD_SWISH"])


def test_another_line_is_no_hard_swish() -> None:
    nodes = [
        node("Add", ["x", "one"], ["a"]),
        node("Clip", ["a", "zero", "six"], ["c"]),
        node("Mul", ["x", "c"], ["m"]),
        node("Div", ["m", "six"], ["y"]),
    ]
    converted = check(model(nodes, {"x": [2, 8]}, ["y"], NUMBERS))
    assert "HARD_SWISH" not in {op.name for op in converted.module.graphs[0].ops}


def norm(epsilon: str) -> list[NodeProto]:
    return [
        node("ReduceMean", ["x", "last"], ["mean"]),
        node("Sub", ["x", "mean"], ["centred"]),
        node("Pow", ["centred", "two"], ["squares"]),
        node("ReduceMean", ["squares", "last"], ["variance"]),
        node("Add", ["variance", epsilon], ["shifted"]),
        node("Sqrt", ["shifted"], ["root_"]),
        node("Div", ["centred", "root_"], ["y"]),
    ]


@pytest.mark.parametrize(("epsilon", "found"), [("small", {"RSQRT"}), ("zero", {"SQRT"})])
def test_layer_norm_by_root_and_quotient(epsilon: str, found: set[str]) -> None:
    constants = {**NUMBERS, "two": F32(2), "last": np.array([-1]), "small": F32(1e-5)}
    converted = check(model(norm(epsilon), {"x": [2, 8]}, ["y"], constants))
    assert {op.name for op in converted.module.graphs[0].ops} & {"RSQRT", "SQRT"} == found


def test_roll() -> None:
    nodes = [
        node("Slice", ["x", "cut", "end", "axis"], ["behind"]),
        node("Slice", ["x", "start", "cut", "axis"], ["front"]),
        node("Concat", ["behind", "front"], ["y"], axis=1),
    ]
    places = {"cut": np.array([3]), "end": np.array([8]), "start": np.array([0]), "axis": np.array([1])}
    check(model(nodes, {"x": [2, 8, 32]}, ["y"], places), ["GATHER"])


def attention() -> list[NodeProto]:
    return [
        node("Add", ["x", "mask"], ["scores"]),
        node("Softmax", ["scores"], ["p"]),
        node("IsNaN", ["p"], ["empty"]),
        node("Where", ["empty", "zero", "p"], ["y"]),
    ]


MASKS = [
    ("finite", -3e38, True, ["ADD", "SOFTMAX"]),
    ("no empty row", -np.inf, False, ["ADD", "SOFTMAX"]),
    ("an empty row", -np.inf, True, ["ADD", "SOFTMAX", "MUL"]),
]


@pytest.mark.parametrize(("value", "empty", "ops"), [m[1:] for m in MASKS], ids=[m[0] for m in MASKS])
def test_softmax_safe_from_empty_rows(value: float, empty: bool, ops: list[str]) -> None:
    mask = np.where(np.tril(np.ones((4, 4)), -1 if empty else 0), 0, value).astype(F32)
    nodes = attention()
    check(model(nodes, {"x": [2, 4, 4]}, ["y"], {**NUMBERS, "mask": mask}), ops)


def test_keys_are_not_turned_round() -> None:
    nodes = [
        node("Reshape", ["k", "flat"], ["k3"]),
        node("Transpose", ["k3"], ["turned"], perm=[0, 2, 1]),
        node("Reshape", ["turned", "whole"], ["k4"]),
        node("Mul", ["k4", "half"], ["scaled"]),
        node("MatMul", ["q", "scaled"], ["y"]),
    ]
    shapes = {"flat": np.array([6, 5, 8]), "whole": np.array([2, 3, 8, 5])}
    proto = model(nodes, {"q": [2, 3, 4, 8], "k": [2, 3, 5, 8]}, ["y"], {**NUMBERS, **shapes})
    check(proto, ["MUL", "BATCH_MATMUL"])
