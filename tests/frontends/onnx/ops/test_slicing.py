"""Slices whose bounds are computed while the model runs, against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper

import liteport
from liteport.errors import LiteportError, UnsupportedError
from tests.frontends.onnx.harness import check, model


def node(operator: str, inputs: str, output: str, **attributes: Any) -> NodeProto:
    return helper.make_node(operator, inputs.split(), [output], **attributes)


def vector(*numbers: int) -> Any:
    return np.array(numbers, np.int64)


@dataclass
class Row:
    """Nodes from x[6,7,8] and whole numbers i to y; `at` are numbers that i may be."""

    id: str
    nodes: Sequence[NodeProto]
    at: Sequence[Any]
    constants: Mapping[str, Any] = field(default_factory=dict)
    shape: Sequence[int] = (1,)


SLICE, ON_SECOND = node("Slice", "x i end", "y"), node("Slice", "x i end axis", "y")
TWO, PAIR = {"two": vector(2)}, {"two": vector(2), "axis": vector(0, 2)}

ROWS = [
    Row("start + 2", [node("Add", "i two", "end"), SLICE], [vector(0), vector(4)], TWO),
    Row("start + 2 along the second", [node("Add", "i two", "end"), ON_SECOND], [vector(3)], {**TWO, "axis": vector(1)}),
    Row("from the end", [node("Add", "i two", "end"), SLICE], [vector(-3), vector(-6)], TWO),
    Row("between two of one origin", [node("Sub", "i two", "first"), node("Add", "i two", "end"), node("Slice", "x first end", "y")], [vector(2), vector(3)], TWO),
    Row("a number of blocks", [node("Mul", "i two", "first"), node("Add", "i one", "next"), node("Mul", "next two", "end"), node("Slice", "x first end", "y")], [vector(0), vector(2)], {**TWO, "one": vector(1)}),
    Row("in steps of one", [node("Add", "i two", "end"), node("Slice", "x i end axis one", "y")], [vector(1)], {**TWO, "axis": vector(-1), "one": vector(1)}),
    Row("a window", [node("Add", "i two", "end"), ON_SECOND], [vector(1, 4), vector(-4, 6)], PAIR, (2,)),
    Row("a window of two numbers, one of them known", [node("Concat", "i three", "first", axis=0), node("Add", "i two", "next"), node("Concat", "next far", "end", axis=0), node("Slice", "x first end axis", "y")], [vector(1), vector(4)], {**PAIR, "three": vector(3), "far": vector(1 << 40)}),
    Row("of no length", [node("Sub", "i two", "end"), SLICE], [vector(4)], TWO),
]  # fmt: skip


@pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in ROWS])
def test_computed_bounds(row: Row) -> None:
    inputs = {"x": [6, 7, 8], "i": row.shape}
    proto = model(row.nodes, inputs, ["y"], row.constants, types={"i": TensorProto.INT64})
    converted = check(proto, i=row.at[0])
    x = np.random.default_rng(0).standard_normal((6, 7, 8)).astype(np.float32)
    for at in row.at:
        (want,) = converted.origin.run({"x": x, "i": at}, "serving_default").values()
        np.testing.assert_array_equal(converted(x=x, i=at), want)


@pytest.mark.parametrize("at", [5, 6, -1])
def test_bounds_that_x_has_not_are_refused(at: int) -> None:
    proto = model(
        [node("Add", "i two", "end"), SLICE], {"x": [6, 3], "i": [1]}, ["y"], TWO, types={"i": TensorProto.INT64}
    )
    converted = liteport.convert(proto, kwargs={"i": vector(0)})
    with pytest.raises(LiteportError, match="Invalid begin"):
        converted(x=np.zeros((6, 3), np.float32), i=vector(at))


def test_a_length_that_is_not_known_is_refused() -> None:
    nodes = [node("Mul", "i i", "end"), SLICE]
    proto = model(nodes, {"x": [6, 3], "i": [1]}, ["y"], types={"i": TensorProto.INT64})
    with pytest.raises(UnsupportedError, match=r"starts that are computed when the model runs.*ends start \+ n"):
        liteport.convert(proto)
