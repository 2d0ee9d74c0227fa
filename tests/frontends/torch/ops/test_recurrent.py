"""Recurrent layers and cells against PyTorch: each case runs twice, so that no state may stay behind."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from liteport.frontends.torch.ops import recurrent
from tests.frontends.torch.ops.inputs import normal
from tests.harness import Case, cases, check

X = normal(7, 2, 4)

KINDS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
FORMS = {
    "plain": {},
    "batch_first": {"batch_first": True},
    "bidirectional": {"bidirectional": True},
    "deep": {"num_layers": 2, "dropout": 0.5},
    "deep_bidirectional": {"num_layers": 2, "bidirectional": True, "batch_first": True},
    "no_bias": {"bias": False},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_layers(kind, form):
    torch.manual_seed(0)
    check(Case("", KINDS[kind](4, 5, **FORMS[form]), [X]))


CASES = [
    Case("lstm-states", nn.LSTM(4, 5), [X, (normal(1, 2, 5), normal(1, 2, 5))]),
    Case("lstm-projection", nn.LSTM(4, 5, num_layers=2, proj_size=3, bidirectional=True), [X]),
    Case("lstm-unbatched", nn.LSTM(4, 5), [normal(7, 4)]),
    Case("lstm-one-step", nn.LSTM(4, 5), [normal(1, 2, 4)]),
    Case("gru-states", nn.GRU(4, 5, bidirectional=True), [X, normal(2, 2, 5)]),
    Case("rnn-relu", nn.RNN(4, 5, nonlinearity="relu"), [X]),
    Case("lstm-cell", nn.LSTMCell(4, 5), [normal(2, 4)]),
    Case("lstm-cell-states", nn.LSTMCell(4, 5), [normal(2, 4), (normal(2, 5), normal(2, 5))]),
    Case("gru-cell", nn.GRUCell(4, 5), [normal(2, 4), normal(2, 5)]),
    Case("rnn-cell", nn.RNNCell(4, 5), [normal(4)]),
    Case("rnn-cell-relu", nn.RNNCell(4, 5, nonlinearity="relu", bias=False), [normal(2, 4)]),
]


@cases(CASES)
def test_recurrent(case):
    check(case)


def test_too_long(monkeypatch):
    monkeypatch.setattr(recurrent, "_LONGEST", 6)
    check(Case("", nn.GRU(4, 5), [X], error="over 7 steps"))
