"""Functions of one tensor: on ordinary numbers, at the edges, and of integers."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch

from tests.frontends.torch.ops.inputs import EDGES, FINITE, ints, normal, positive
from tests.harness import Case, cases, check

# Everything that takes any float, with results that stay finite on ordinary numbers.
EVERYWHERE: list[Any] = [
    *(torch.square, torch.exp2, torch.expm1, torch.sin, torch.cos, torch.tan, torch.atan, torch.sinh, torch.cosh),
    *(torch.tanh, torch.asinh, torch.erf, torch.erfc, torch.sigmoid, torch.floor, torch.ceil, torch.round, torch.trunc),
    *(torch.frac, torch.abs, torch.neg, torch.deg2rad, torch.rad2deg, torch.sinc, torch.exp, torch.sign, torch.sgn),
]
POSITIVE: list[Any] = [torch.sqrt, torch.rsqrt, torch.log, torch.log2, torch.log10, torch.log1p, torch.reciprocal]
INSIDE: list[Any] = [torch.asin, torch.acos, torch.atanh, torch.erfinv, torch.logit]
ALIASES: list[Any] = [
    *(torch.negative, torch.absolute, torch.fix, torch.arctan, torch.arcsinh, torch.special.expit, torch.special.exp2),
    *(torch.special.expm1, torch.special.erf, torch.special.erfc, torch.special.round, torch.special.sinc),
]


def every(functions: list[Any]) -> Any:
    return pytest.mark.parametrize("function", functions, ids=lambda f: f.__name__)


@every(EVERYWHERE + ALIASES)
def test_everywhere(function: Any) -> None:
    check(Case("", function, [normal(3, 4, 5, scale=3)], tolerance=4e-6))


@every([*POSITIVE, torch.special.log1p])
def test_positive(function: Any) -> None:
    check(Case("", function, [positive(3, 40)]))


@every([*INSIDE, torch.arcsin, torch.arccos, torch.arctanh, torch.special.erfinv, torch.special.logit])
def test_inside(function: Any) -> None:
    check(Case("", function, [positive(3, 40, low=0.01, high=0.99)]))


def test_acosh() -> None:
    check(Case("", lambda x: (torch.acosh(x), torch.arccosh(x)), [positive(30, low=1.0, high=9.0)]))


# SIN and COS give nan for infinities and nan as they should; EXP of nan is 0 in XNNPACK, SIGN of nan nan.
AT_EDGES: list[Any] = [
    *(torch.square, torch.tanh, torch.atan, torch.erf, torch.floor, torch.ceil, torch.round, torch.trunc),
    *(torch.abs, torch.neg, torch.sqrt, torch.log1p, torch.asinh, torch.reciprocal, torch.frac, torch.sin),
]


@every(AT_EDGES)
def test_edges(function: Any) -> None:
    check(Case("", function, [EDGES], draws=0))


@every([torch.exp, torch.expm1, torch.erfc, torch.sigmoid, torch.sign, torch.exp2, torch.sinc, torch.log])
def test_finite_edges(function: Any) -> None:
    check(Case("", function, [FINITE.clamp(-20, 20)], draws=0))


@every([torch.sin, torch.sqrt, torch.exp, torch.sigmoid, torch.reciprocal, torch.erf, torch.tanh, torch.rsqrt])
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8], ids=str)
def test_floats_of_integers(function: Any, dtype: torch.dtype) -> None:
    check(Case("", function, [ints(2, 5, low=1, dtype=dtype)]))


@every([torch.neg, torch.abs, torch.sign, torch.square, torch.floor, torch.round, torch.trunc, torch.ceil, torch.sgn])
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.int16, torch.int8], ids=str)
def test_integers(function: Any, dtype: torch.dtype) -> None:
    check(Case("", function, [ints(2, 7, dtype=dtype)]))


@cases(
    [
        Case("neg_uint8", torch.neg, [ints(9, low=0, high=256, dtype=torch.uint8)]),
        Case("decimals", lambda x: (x.round(decimals=2), x.round(decimals=-1)), [normal(40, scale=50)]),
        Case("logit_eps", partial(torch.logit, eps=0.1), [normal(20)]),
        Case("scalar", torch.sin, [normal()]),
        Case("empty", lambda x: torch.sin(x) + 1, [normal(0, 3)]),
        Case("sqrt_ops", torch.sqrt, [positive(4)], ops=["SQRT"]),
    ]
)
def test_forms(case: Case) -> None:
    check(case)
