"""Softmaxes against PyTorch, in the forms that a conversion gives them or a measurement may choose."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from liteport.passes.choose.softmax import ACROSS, LOG_SOFTMAX, SHORT_SOFTMAX
from tests.harness import Case, cases, check
from tests.passes.choose.uses import uses_of

X = [torch.randn(2, 5, 6, 7)]
COMPOSED = ["REDUCE_MAX", "SUB", "EXP", "SUM", "DIV"]
CASES = [
    Case("across rows", lambda x: x.softmax(2), X, ops=COMPOSED),
    Case("across matrices", lambda x: x.softmax(1), X, ops=COMPOSED),
    Case("large numbers", lambda x: (x * 1e4).softmax(1), X, ops=["MUL", *COMPOSED]),
    Case("along rows", lambda x: x.softmax(3), X, ops=["SOFTMAX"]),
    Case("stays turned", lambda x: x.transpose(2, 3).softmax(3), X, ops=["TRANSPOSE", "SOFTMAX"]),
]


@cases(CASES)
def test_across(case: Case) -> None:
    check(case)


def test_what_is_turned_is_used_elsewhere() -> None:
    class Both(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            turned = x.transpose(1, 2)
            return turned.softmax(2).transpose(1, 2) * turned.reshape(2, 5, 6)

    assert uses_of(ACROSS, Both(), (2, 5, 6)) == 0


@pytest.mark.parametrize(("length", "count"), [(49, 1), (200, 0)])
def test_a_measurement_may_compose_short_rows(length: int, count: int) -> None:
    assert uses_of(SHORT_SOFTMAX, nn.Softmax(-1), (3, 4, length), "composed") == count


def test_a_measurement_may_compose_logarithms() -> None:
    assert uses_of(LOG_SOFTMAX, nn.LogSoftmax(-1), (3, 40), "composed") == 1
