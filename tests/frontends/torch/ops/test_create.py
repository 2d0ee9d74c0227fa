"""Tensors out of nothing, and triangles."""

from __future__ import annotations

from math import inf
from typing import Any

import torch

from tests.frontends.torch.ops.inputs import bools, ints, normal
from tests.harness import Case, cases, check

X = normal(2, 3, 4)
I64 = ints(2, 3)


_KIND: dict[str, Any] = {"dtype": torch.int32, "device": torch.device("cpu"), "requires_grad": False}


def aranges(x: torch.Tensor) -> Any:
    whole = torch.arange(4), torch.arange(1, 5), torch.arange(5, 0, -2), torch.arange(x.shape[2], dtype=torch.int32)
    return x + 1, *whole, torch.arange(0.0, 1, 0.25), torch.arange(3, dtype=torch.float32), torch.arange(1.5)


def fills(x: torch.Tensor) -> Any:
    plain = (
        torch.zeros(2, 3),
        torch.ones(2, dtype=torch.int64),
        torch.full((2, 1), 3),
        torch.full((2,), 0.5),
        torch.eye(3),
    )
    likes = (
        torch.zeros_like(x),
        torch.ones_like(x, dtype=torch.bool),
        torch.full_like(x, 2.5),
        torch.zeros_like(x).fill_(7),
    )
    news = x.new_zeros(2), x.new_ones(2, 1), x.new_full((3,), 3), x.new_tensor([1, 2]), torch.tensor(2.5)
    return x + 1, *plain, *likes, *news, torch.eye(2, 3), torch.scalar_tensor(2.0), x.clone().zero_()


def lines(x: torch.Tensor) -> Any:
    corners = torch.tril_indices(3, 4), torch.triu_indices(3, 3, 1)
    return (
        x + 1,
        torch.linspace(0, 1, 5),
        torch.linspace(-1, 1, 7, dtype=torch.float64),
        torch.logspace(0, 2, 3),
        torch.linspace(0, 1, 7, dtype=torch.float16),
        torch.arange(0, 1, 0.3, dtype=torch.bfloat16),
        *corners,
    )


def triangles(x: torch.Tensor) -> Any:
    return x.tril(), x.triu(), x.tril(1), x.triu(-1), x.triu(7), x.tril(-7)


CASES: list[Any] = [
    Case("arange", aranges, [X]),
    Case("iota", lambda x: (x + 1, torch.ops.prims.iota(4, start=3, step=-2, **_KIND)), [X]),
    Case("fills", fills, [X]),
    Case(
        "empty",
        lambda x: torch.empty(2).fill_(3) + torch.empty_like(x)[0, 0, :2] * 0 + x.new_empty(2).zero_(),
        [X],
        draws=0,
    ),
    Case("lines", lines, [X]),
    Case("large", lambda x: x + torch.zeros(300, 300), [normal(300, 300)]),
    Case("large_result", lambda x: (torch.ones(300, 300), x + 1), [normal(3)]),
    Case("zero_state", lambda x: torch.cat([x.new_zeros(x.shape[0], 2), x], 1), [normal(3, 4)]),
    Case("full_tensor", lambda x, v: x.clone().fill_(v), [X, torch.tensor(3.0)]),
    Case(
        "new_full_of_data",
        lambda x, v: (x.new_full((2, 3), v.item()), torch.scalar_tensor(v.item())),
        [X, torch.tensor(3.5)],
    ),
    Case("triangles", triangles, [X]),
    Case("triangles_int", triangles, [ints(3, 4)]),
    Case("triangles_bool", triangles, [bools(3, 4)]),
    Case("causal", lambda x: x + torch.triu(torch.full((4, 4), -inf), 1), [normal(4, 4)], ops=["ADD"]),
    Case("triangle_of_infinities", lambda x: torch.tril(x), [torch.full((3, 3), -inf)], draws=0),
]


@cases(CASES)
def test_create(case: Case) -> None:
    check(case)
