"""Masks against PyTorch: which become bounds, and what their operators are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from liteport.check.litert import evaluate
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph
from liteport.ir.types import DType, TensorType
from liteport.passes.choose.candidates import candidates
from liteport.passes.choose.rule import AS_EMITTED, Site
from liteport.passes.choose.select import SELECT
from tests.harness import Case, cases, check
from tests.passes.choose.test_forms import run

X = [torch.randn(2, 3, 5, 5)]
SEEN = torch.ones(5, 5).tril().bool()
INF = float("inf")
CASES = [
    Case("-inf", lambda x: x.masked_fill(~SEEN, -INF).softmax(-1), X, ops=["MINIMUM", "SOFTMAX"]),
    Case("lowest number", lambda x: x.masked_fill(~SEEN, torch.finfo(x.dtype).min), X, ops=["MINIMUM"]),
    Case("a low score", lambda x: x.masked_fill(~SEEN, -1e9).softmax(-1), X, ops=["MAXIMUM", "MINIMUM", "SOFTMAX"]),
    Case("a score", lambda x: x.masked_fill(~SEEN, -9.0).softmax(-1), X, ops=["MAXIMUM", "MINIMUM", "SOFTMAX"]),
    Case("inf", lambda x: x.masked_fill(SEEN, INF).amin(-1), X, ops=["MAXIMUM", "REDUCE_MIN"]),
    Case("a number", lambda x: torch.where(SEEN, x, 0.5), X, ops=["MAXIMUM", "MINIMUM"]),
    Case("numbers", lambda x: torch.where(SEEN, torch.arange(5.0), x), X, ops=["MAXIMUM", "MINIMUM"]),
    Case(
        "computed for all heads",
        lambda x: x.masked_fill(x[:, :1] > 0, -INF),
        X,
        ops=["SLICE", "GREATER", "SELECT_V2", "MINIMUM"],
    ),
    Case("computed for each", lambda x: x.masked_fill(x > 0, -INF), X, ops=["GREATER", "SELECT_V2"]),
    Case("repeats", lambda x: torch.where(SEEN, x[:, :, :1], 0.5), X, ops=["SLICE", "SELECT_V2"]),
    Case(
        "guards a quotient",
        lambda x: torch.where(SEEN, x / x.amax(-1, True), 0.5),
        X,
        ops=["REDUCE_MAX", "DIV", "SELECT_V2"],
    ),
    Case("of integers", lambda x: torch.where(SEEN, x.int(), 7), X, ops=["CAST", "SELECT_V2"]),
]


@cases(CASES)
def test_select(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("number", [-np.inf, 2.0])
def test_a_mask_of_rows(number: float) -> None:
    graph = Graph(signature="main")
    b = Builder(graph)
    x, kept = b.input(TensorType(DType.FLOAT32, (3, 4)), "x"), b.const(np.asarray([True, False, True]))
    y = b.emit(ops.Select(), kept, x, b.const(np.full((3, 4), number, np.float32)))
    graph.outputs, graph.output_names = [y], ["y"]
    site = SELECT.match(graph, graph.ops[-1])
    assert isinstance(site, Site)
    graphs = candidates(SELECT, site, evaluate)
    numbers: Sequence[np.ndarray] = [np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)]
    np.testing.assert_array_equal(run(graphs["bounds"], [*numbers]), run(graphs[AS_EMITTED], [*numbers]))
