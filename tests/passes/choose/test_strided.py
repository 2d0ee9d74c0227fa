"""Slices with steps against PyTorch, in the forms that a conversion gives them; and the ones that stay."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import LiteRT, evaluate
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module
from liteport.ir.types import DType, TensorType
from liteport.lowering.basic import ints
from liteport.passes.choose.candidates import candidates
from liteport.passes.choose.rule import Site
from liteport.passes.choose.strided import STRIDED_SLICES
from tests.harness import Case, cases, check

X = [torch.randn(2, 6, 8, 4)]
BLOCKS = ["RESHAPE", "SLICE", "RESHAPE"]
CASES = [
    Case("one dimension", lambda x: x[:, ::2], X, ops=BLOCKS),
    Case("not from the first", lambda x: x[:, 1::3], X, ops=BLOCKS),
    Case("not to the last", lambda x: x[:, :, 2:6:2], X, ops=BLOCKS),
    Case("two dimensions", lambda x: x[:, ::2, 1::4], X),
    Case("the first", lambda x: x[::2], X, ops=BLOCKS),
    Case("the last", lambda x: x[..., ::2], X, ops=["GATHER"]),
    Case("a size that is no multiple", lambda x: x[:, :, ::3], X, ops=["GATHER"]),
    Case("integers", lambda x: x[:, ::2], [torch.arange(24).reshape(1, 6, 4)], ops=["STRIDED_SLICE"]),
]


@cases(CASES)
def test_strided(case: Case) -> None:
    check(case)


def sliced(begin: list[int], end: list[int], steps: list[int], **masks: int | bool) -> Graph:
    graph = Graph(signature="main")
    b = Builder(graph)
    x = b.input(TensorType(DType.FLOAT32, (4, 6, 8)), "x")
    graph.outputs = [b.emit(ops.StridedSlice(**masks), x, ints(b, begin), ints(b, end), ints(b, steps))]
    graph.output_names = ["y"]
    return graph


FOUND = [
    ([0, 0, 1], [4, 6, 8], [1, 2, 3], {}),
    ([1, 0, 0], [0, 5, 0], [1, 2, 1], {"end_mask": 5}),
    ([3, 2, 0], [4, 6, 8], [2, 2, 2], {"begin_mask": 3}),
    ([1, 1, 2], [2, 4, 6], [1, 2, 4], {"offset": True}),
    ([-4, -3, -8], [4, -1, 8], [1, 2, 2], {}),
]


@pytest.mark.parametrize(("begin", "end", "steps", "masks"), FOUND)
def test_bounds_and_masks(begin: list[int], end: list[int], steps: list[int], masks: dict[str, int | bool]) -> None:
    graph = sliced(begin, end, steps, **masks)
    x = np.random.default_rng(0).standard_normal((4, 6, 8)).astype(np.float32)
    expected = LiteRT(to_bytes(Module([graph]))).run({"x": x})["y"]
    site = STRIDED_SLICES.match(graph, graph.ops[0])
    assert isinstance(site, Site)
    for form in candidates(STRIDED_SLICES, site, evaluate).values():
        (name,) = [value.name for value in form.inputs]
        (result,) = LiteRT(to_bytes(Module([form]))).run({name: x}).values()
        np.testing.assert_array_equal(result, expected)


DECLINED = [
    (
        sliced([0, 0, 0], [4, 6, 8], [1, 2, 1], shrink_axis_mask=1),
        "it adds or drops dimensions, or its bounds depend on a dynamic size",
    ),
    (sliced([3, 0, 0], [0, 6, 8], [-1, 2, 1], end_mask=1), "it goes backwards"),
    (sliced([0, 0, 0], [4, 5, 8], [1, 1, 1]), None),
]


@pytest.mark.parametrize(("graph", "why"), DECLINED)
def test_what_stays(graph: Graph, why: str | None) -> None:
    assert STRIDED_SLICES.match(graph, graph.ops[0]) == why
