"""What a forward returns beside tensors, and forwards that take none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import liteport
from tests.harness import Case, Function, cases, check

X = torch.arange(6.0).reshape(3, 2)

NUMBERS = [
    Case("all kinds", lambda x: (x + 1, 3, 2.5, True, x.shape[0]), [X]),
    Case("numbers alone", lambda x: {"rows": x.shape[0], "rank": x.dim()}, [X]),
    Case("other objects are left out", lambda x: {"y": -x, "name": "net", "none": None}, [X], ops=["NEG"]),
    Case(
        "a result for training",
        lambda x: torch.ops.aten._embedding_bag(x, torch.tensor([0, 2, 1]), torch.tensor([0, 2])),
        [X],
        error="output_1 is a result that its operator has for training only",
    ),
]


@cases(NUMBERS)
def test_numbers(case: Case) -> None:
    check(case)


def test_numbers_that_depend_on_sizes() -> None:
    model = liteport.convert(Function(lambda x: (x + 1, x.shape[0] * 2)), (X,), dynamic="batch")
    assert model.verify(4).passed
    _, doubled = model(torch.zeros(5, 2))
    assert (doubled, doubled.dtype, doubled.shape) == (10, np.int64, ())


class Named(nn.Module):
    """Its argument is called like a function of Python's, which torch.fx avoids in copies of graphs."""

    def forward(self, input: torch.Tensor) -> Any:
        return input[1:].as_strided((2,), (1,)), input.dim()


def test_names_stay() -> None:
    model = liteport.convert(Named(), (X,), verify=2)
    assert model.module.signatures[0].input_names == ["input"]


class Table(nn.Module):
    def forward(self) -> Any:
        return torch.arange(4) * 2, torch.eye(2)


@pytest.mark.parametrize("inputs", [None, ()])
def test_no_inputs(inputs: Any) -> None:
    model = liteport.convert(Table(), inputs, verify=1)
    steps, eye = model()
    assert steps.tolist() == [0, 2, 4, 6]
    assert eye.tolist() == [[1, 0], [0, 1]]
