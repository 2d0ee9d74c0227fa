"""topk, sort and the like: any axis, both orders, ties, integers."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
import torch

from tests.frontends.torch.ops.inputs import bools, ints, normal
from tests.harness import Case, cases, check

X = normal(3, 4, 5)
TIES = ints(4, 30, low=0, high=5)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_axes(dim: int) -> None:
    def model(x: torch.Tensor) -> Any:
        pairs = (
            x.topk(2, dim),
            x.topk(3, dim, largest=False),
            x.sort(dim),
            x.sort(dim, descending=True),
            x.kthvalue(2, dim),
        )
        return *pairs, x.argsort(dim), torch.argsort(x, dim=dim, descending=True, stable=True), x.kthvalue(1, dim, True)

    check(Case("", model, [X]))


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8], ids=str
)
def test_ties(dtype: torch.dtype) -> None:
    """A stable sort keeps equals in their order, rising and falling."""

    def model(x: torch.Tensor) -> Any:
        return [torch.sort(x, stable=True, dim=1, descending=d) for d in (False, True)], x.sort(0), x.msort()

    check(Case("", model, [TIES.to(dtype)]))


CASES: list[Any] = [
    Case(
        "int_limits",
        lambda x: (x.sort(), x.sort(descending=True)),
        [torch.tensor([-(2**63), 2**63 - 1, 0, -1, 1])],
        draws=0,
    ),
    Case("int32_limits", lambda x: x.sort(), [torch.tensor([-(2**31), 2**31 - 1, 0], dtype=torch.int32)], draws=0),
    Case("infinities", lambda x: (x.sort(), x.topk(2)), [torch.tensor([1.0, -inf, inf, -0.5])], draws=0),
    Case("bool", lambda x: (torch.sort(x, stable=True), torch.sort(x, stable=True, descending=True)), [bools(9)]),
    Case("scalar", lambda x: (x.topk(1), x.sort(), x.argsort(), x.kthvalue(1)), [normal()]),
    Case("median", lambda x: (x.median(), x.median(0), x.median(1, keepdim=True)), [X]),
    Case("median_even", lambda x: (x.median(), x.median(-1)), [normal(3, 6)]),
    Case("unsorted", lambda x: x.topk(3, sorted=False)[0].sum(), [X]),
    Case("topk_ops", lambda x: x.topk(2), [X], ops=["TOPK_V2", "CAST"]),
    Case("topk_values_ops", lambda x: x.topk(2)[0], [X], ops=["TOPK_V2"]),
    Case("quantile", lambda x: (x.quantile(0.3), x.quantile(0.5, dim=1)), [X]),
]


@cases(CASES)
def test_forms(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("dim", [0, -1])
def test_mode(dim: int) -> None:
    check(Case("", lambda x: (x.mode(dim)[0], x.mode(dim, True)[0]), [TIES]))
    check(Case("", lambda x: x.mode(dim)[0], [TIES.float()]))


def test_nanmedian() -> None:
    x = torch.tensor([[1.0, nan, 3.0, 2.0], [nan, nan, nan, nan], [4.0, 1.0, 2.0, 3.0]])
    check(Case("", lambda x: (x.nanmedian(1)[0], *x.nanmedian(0, True), x.nanmedian()), [x], draws=0))
    check(Case("", lambda x: (*x.nanmedian(1), x.nanmedian()), [X]))
