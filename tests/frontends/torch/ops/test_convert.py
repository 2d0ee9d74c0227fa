"""Conversions between every pair of types, and dropout."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.frontends.torch.ops.inputs import bools, ints, normal
from tests.harness import Case, cases, check

TYPES = [torch.float32, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]
SOURCES = {
    torch.float32: torch.tensor([0.0, -0.0, 0.4, -0.4, 1.7, -1.7, 127.9, 200.5, 300.2, -1.0]),
    torch.bool: bools(9),
    torch.uint8: ints(9, low=0, high=256, dtype=torch.uint8),
    torch.int8: ints(9, low=-128, high=128, dtype=torch.int8),
}


@pytest.mark.parametrize("source", TYPES, ids=str)
def test_types(source: torch.dtype) -> None:
    x = SOURCES.get(source, ints(20, low=-300, high=300, dtype=source))
    check(Case("", lambda x: tuple(x.to(t) for t in TYPES), [x]))


X, I64 = normal(2, 3), ints(2, 3)
CASES: list[Any] = [
    Case("methods", lambda x: (x.long(), x.int(), x.bool(), x.float(), x.byte(), x.char(), x.short()), [ints(9)]),
    Case(
        "like", lambda x, i: (i.type_as(x), x.to(i), i.to(x), x.type(torch.int32), x.to("cpu", torch.int64)), [X, I64]
    ),
    Case("same_bytes", lambda x: ((x * 2).view(torch.int32) + 1, x.view(torch.int32).view(torch.float32) * 2), [X]),
    Case(
        "other_width",
        lambda x: (x * 2).view(torch.int16),
        [X],
        error="view of float32 as int16, which is of another width",
    ),
    Case("half_and_back", lambda x: x.double().float() + x.to(torch.float64).to(torch.float32), [X]),
    Case("layout", lambda x: x[None].to(memory_format=torch.channels_last) + 1, [normal(2, 3, 4)]),
    Case("no_ops", lambda x: x.float().clone().contiguous().cpu() * 2, [X], ops=["MUL"]),
    Case("dropout", nn.Sequential(nn.Dropout(), nn.ReLU()), [X], ops=["RELU"]),
    Case("dropout2d", nn.Sequential(nn.Dropout2d(), nn.ReLU()), [normal(2, 3, 4, 4)], ops=["RELU"]),
    Case("alpha_dropout", nn.Sequential(nn.AlphaDropout(), nn.FeatureAlphaDropout(), nn.ReLU()), [normal(2, 3, 4)]),
    Case("dropout_on", lambda x: F.dropout(x) + 1, [X], error="training=self.training"),
]


@cases(CASES)
def test_forms(case: Case) -> None:
    check(case)
