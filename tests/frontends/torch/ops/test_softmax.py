"""Softmax and its kin over any axis, and running results along one."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.frontends.torch.ops.inputs import bools, ints, normal, positive
from tests.harness import Case, cases, check

X = normal(2, 3, 4, 5, scale=3)
ALONG: list[Any] = [F.softmax, F.log_softmax, F.softmin, torch.special.softmax, torch.logsumexp, torch.cumsum]
ALONG += [torch.cumprod, torch.cummax, torch.cummin, torch.logcumsumexp]


@pytest.mark.parametrize("dim", [0, 1, 2, 3, -1, -2])
@pytest.mark.parametrize("function", ALONG, ids=lambda f: f.__name__)
def test_axes(function: Any, dim: int) -> None:
    check(Case("", lambda x: function(x, dim), [X], tolerance=4e-6))


@pytest.mark.parametrize("function", ALONG, ids=lambda f: f.__name__)
@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 1)], ids=str)
def test_small(function: Any, shape: tuple[int, ...]) -> None:
    check(Case("", lambda x: function(x, -1), [normal(*shape)]))


MASKED = torch.tensor([[1.0, -inf, 3], [1e4, 0, -1e4], [-3e38, -3e38, 0], [-inf, -inf, 2]])
ROWS_OF_INFINITIES = torch.tensor([[-inf, -inf, -inf], [inf, 1, 2], [1, 2, 3], [-inf, 0, 100]])
CASES: list[Any] = [
    Case("softmax_ops", nn.Softmax(-1), [X], ops=["SOFTMAX"]),
    Case("softmax_middle_ops", nn.Softmax(1), [X], ops=["REDUCE_MAX", "SUB", "EXP", "SUM", "DIV"]),
    Case("log_softmax_ops", nn.LogSoftmax(-1), [X], ops=["LOG_SOFTMAX"]),
    Case("softmax2d", nn.Softmax2d(), [X]),
    Case("masked", lambda x: (F.softmax(x, -1), F.log_softmax(x, -1), F.softmax(x, 0)), [MASKED], draws=0),
    Case(
        "dtype",
        lambda x: (F.softmax(x, 1, dtype=torch.float32), F.log_softmax(x, 1, dtype=torch.float64)),
        [ints(2, 3)],
    ),
    Case(
        "logsumexp", lambda x: (torch.logsumexp(x, (0, 2)), torch.logsumexp(x, 1, True), x.logsumexp((0, 1, 2, 3))), [X]
    ),
    Case("logsumexp_infinities", lambda x: torch.logsumexp(x, 1), [ROWS_OF_INFINITIES], draws=0),
    Case("logsumexp_int", lambda x: torch.logsumexp(x, 1), [ints(2, 3)]),
    Case("many_dimensions", lambda x: (F.softmax(x, 2), F.softmax(x, -1)), [normal(2, 1, 2, 1, 3, 2)]),
]
SCANS: list[Any] = [
    Case("cumsum_int", lambda x: (x.cumsum(0), x.cumprod(1)), [ints(3, 4)]),
    Case(
        "cumsum_int32",
        lambda x: (x.cumsum(0), x.cumsum(0, dtype=torch.int32), x.cumprod(1)),
        [ints(3, 4, dtype=torch.int32)],
    ),
    Case("cumsum_bool", lambda x: (x.cumsum(0), x.cumprod(1), x.cumsum(1, dtype=torch.float32)), [bools(3, 4)]),
    Case("cumsum_uint8", lambda x: x.cumsum(0), [ints(9, low=0, high=256, dtype=torch.uint8)]),
    Case(
        "cummax_ties",
        lambda x: (torch.cummax(x, 0), torch.cummin(x, 0)),
        [torch.tensor([1.0, 3, 3, 2, 1, 1, 4, 0, 0, 5])],
    ),
    Case("cummax_int", lambda x: (torch.cummax(x, 1), torch.cummin(x, 1)), [ints(3, 9)]),
    Case("cummax_infinite", lambda x: torch.cummax(x, 0), [torch.tensor([-inf, -inf, -1.0, -2.0])], draws=0),
    Case("cumprod_long", lambda x: x.cumprod(1), [positive(2, 100, low=0.9, high=1.1)], tolerance=1e-5),
    Case("cumsum_ops", lambda x: x.cumsum(1), [X], ops=["CUMSUM"]),
    Case("empty", lambda x: x.cumsum(0), [normal(0, 3)]),
]


@cases(CASES)
def test_softmax(case: Case) -> None:
    check(case)


@cases(SCANS)
def test_scans(case: Case) -> None:
    check(case)
