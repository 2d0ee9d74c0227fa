"""Recurrent layers and cells against PyTorch: each case runs twice, so that no state may stay behind."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import LiteRT, evaluate
from liteport.frontends.torch.model import Entry, TorchModel
from liteport.frontends.torch.recurrent_shapes import recurrent_shapes
from liteport.ir.graph import Module
from liteport.passes.pipeline import optimise
from tests.frontends.torch.ops.inputs import normal
from tests.harness import SIGNATURE, Case, cases, check

KINDS: dict[str, type[nn.Module]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
FORMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "batch_first": {"batch_first": True},
    "bidirectional": {"bidirectional": True},
    "deep": {"num_layers": 2, "dropout": 0.5},
    "deep_bidirectional": {"num_layers": 2, "bidirectional": True, "batch_first": True},
    "no_bias": {"bias": False, "bidirectional": True},
}


@pytest.mark.parametrize("steps", [7, 19, 50], ids=["unrolled", "loop", "loop_of_blocks"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_layers(kind: str, form: str, steps: int) -> None:
    torch.manual_seed(0)
    x = normal(2, steps, 4) if FORMS[form].get("batch_first") else normal(steps, 2, 4)
    check(Case("", KINDS[kind](4, 5, **FORMS[form]), [x]))


X, LONG = normal(7, 2, 4), normal(20, 2, 4)

CASES: list[Any] = [
    Case("lstm-states", nn.LSTM(4, 5), [X, (normal(1, 2, 5), normal(1, 2, 5))]),
    Case("lstm-states-loop", nn.LSTM(4, 5, 2), [LONG, (normal(2, 2, 5), normal(2, 2, 5))]),
    Case("lstm-projection", nn.LSTM(4, 5, num_layers=2, proj_size=3, bidirectional=True), [X]),
    Case("lstm-projection-loop", nn.LSTM(4, 5, num_layers=2, proj_size=3, bidirectional=True), [LONG]),
    Case("lstm-projection-one-way", nn.LSTM(4, 5, proj_size=3), [LONG]),
    Case("lstm-unbatched", nn.LSTM(4, 5), [normal(7, 4)]),
    Case("lstm-unbatched-loop", nn.LSTM(4, 5, bidirectional=True), [normal(70, 4)]),
    Case("lstm-one-step", nn.LSTM(4, 5), [normal(1, 2, 4)]),
    Case("gru-states", nn.GRU(4, 5, bidirectional=True), [X, normal(2, 2, 5)]),
    Case("gru-states-loop", nn.GRU(4, 5, bidirectional=True), [LONG, normal(2, 2, 5)]),
    Case("rnn-relu", nn.RNN(4, 5, nonlinearity="relu"), [X]),
    Case("rnn-relu-loop", nn.RNN(4, 5, nonlinearity="relu"), [LONG]),
    Case("lstm-cell", nn.LSTMCell(4, 5), [normal(2, 4)]),
    Case("lstm-cell-states", nn.LSTMCell(4, 5), [normal(2, 4), (normal(2, 5), normal(2, 5))]),
    Case("gru-cell", nn.GRUCell(4, 5), [normal(2, 4), normal(2, 5)]),
    Case("rnn-cell", nn.RNNCell(4, 5), [normal(4)]),
    Case("rnn-cell-relu", nn.RNNCell(4, 5, nonlinearity="relu", bias=False), [normal(2, 4)]),
    Case("weight-norm", nn.utils.parametrizations.weight_norm(nn.LSTM(4, 5), "weight_hh_l0"), [LONG]),
    Case("long", nn.RNN(3, 2), [normal(1100, 1, 3)]),
]


@cases(CASES)
def test_recurrent(case: Case) -> None:
    check(case)


def converted(model: nn.Module, x: torch.Tensor) -> Module:
    ir = TorchModel({SIGNATURE: Entry(model.eval(), (x,))}).to_ir()
    optimise(ir, evaluate, debug=True)
    return ir


def test_the_number_of_operators_does_not_grow_with_the_steps() -> None:
    model = nn.LSTM(4, 5, num_layers=2, bidirectional=True)
    counts = [sum(len(g.ops) for g in converted(model, normal(n, 1, 4)).graphs) for n in (25, 51, 99, 32, 50, 310)]
    odd, even = counts[:3], counts[3:]
    assert odd[0] <= 70
    assert odd[1] == odd[2] <= 90
    assert even[0] <= 100
    assert even[1] == even[2] <= 120


@pytest.mark.parametrize("layer", [nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2), nn.GRU(3, 4, 2), nn.RNN(3, 4)])
def test_shapes_are_those_of_pytorch(layer: nn.Module) -> None:
    with recurrent_shapes():
        exported = torch.export.export(layer, (normal(9, 2, 3),), strict=False)
    (node,) = [n for n in exported.graph.nodes if str(n.target).endswith(".input")]
    want = torch.utils._pytree.tree_leaves(layer(normal(9, 2, 3)))
    assert [(v.shape, v.dtype) for v in node.meta["val"]] == [(v.shape, v.dtype) for v in want]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_stays_behind(kind: str) -> None:
    x = normal(20, 1, 4)
    runner = LiteRT(to_bytes(converted(KINDS[kind](4, 5, bidirectional=True), x)), threads=1)
    name = runner.signatures[SIGNATURE]["inputs"][0]
    first = runner.run({name: x.numpy()})
    runner.run({name: np.full(x.shape, nan, np.float32)})
    runner.run({name: np.full(x.shape, inf, np.float32)})
    for output, again in runner.run({name: x.numpy()}).items():
        np.testing.assert_array_equal(again, first[output])
