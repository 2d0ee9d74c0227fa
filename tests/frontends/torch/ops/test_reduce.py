"""Reductions: every overload, any axes, integer and bool inputs, empty and 0-d tensors, accuracy."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest
import torch

from tests.frontends.torch.ops.inputs import bools, ints, normal, positive
from tests.harness import Case, cases, check

X = normal(2, 3, 4)
AXES: list[Any] = [0, -1, (0, 2), (-1, 0, 1), []]
OVER_AXES: dict[str, Any] = {
    "sum": torch.sum,
    "mean": torch.mean,
    "amax": torch.amax,
    "amin": torch.amin,
    "var": torch.var,
    "std": torch.std,
    "nansum": torch.nansum,
    "norm": lambda x, dim, keepdim: torch.linalg.vector_norm(x, dim=dim, keepdim=keepdim),
    "norm_1": lambda x, dim, keepdim: torch.linalg.vector_norm(x, 1, dim, keepdim),
    "norm_inf": lambda x, dim, keepdim: torch.linalg.vector_norm(x, inf, dim, keepdim),
    "any": lambda x, dim, keepdim: torch.any(x > 0.5, dim, keepdim),
    "all": lambda x, dim, keepdim: torch.all(x > -1, dim, keepdim),
}


@pytest.mark.parametrize("name", OVER_AXES)
def test_axes(name: str) -> None:
    def model(x: torch.Tensor) -> Any:
        # For PyTorch itself, nansum over no dimensions is one thing in eager mode and another in an exported graph.
        axes = AXES[:-1] if name == "nansum" else AXES
        return [OVER_AXES[name](x, dim=dim, keepdim=keep) for dim in axes for keep in (False, True)]

    check(Case("", model, [X]))


ONE_AXIS: list[Any] = [torch.prod, torch.argmax, torch.argmin, torch.max, torch.min, torch.median]


@pytest.mark.parametrize("function", ONE_AXIS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("x", [X, ints(2, 3, 4), ints(2, 3, 4, dtype=torch.int32)], ids=["f32", "i64", "i32"])
def test_one_axis(function: Any, x: torch.Tensor) -> None:
    def model(x: torch.Tensor) -> Any:
        return function(x), [function(x, dim, keepdim=keep) for dim in (0, 1, -1) for keep in (False, True)]

    # Among equals, torch.median does not say which place it gives.
    case = Case("", model, [torch.arange(24).view(2, 3, 4)[:, :, [2, 0, 3, 1]].to(x.dtype)], draws=0)
    check(case if function is torch.median else Case("", model, [x]))


WHOLE: list[Any] = [
    torch.sum,
    torch.prod,
    torch.amax,
    torch.amin,
    torch.any,
    torch.all,
    torch.count_nonzero,
    torch.aminmax,
]
INPUTS = {
    "bool": bools(2, 3),
    "uint8": ints(2, 3, low=0, high=5, dtype=torch.uint8),
    "int8": ints(2, 3, dtype=torch.int8),
    "int16": ints(2, 3, dtype=torch.int16),
    "int32": ints(2, 3, dtype=torch.int32),
    "int64": ints(2, 3),
    "float": normal(2, 3),
    "scalar": normal(),
    "scalar_int": ints(),
}


@pytest.mark.parametrize("x", INPUTS.values(), ids=INPUTS)
def test_types(x: torch.Tensor) -> None:
    def model(x: torch.Tensor) -> Any:
        return (
            [f(x) for f in WHOLE],
            [f(x, dim=0) for f in WHOLE],
            x.sum(dtype=torch.float32),
            x.mean(dtype=torch.float32),
        )

    check(Case("", model, [x]))


@pytest.mark.parametrize("x", [bools(5), ints(5, dtype=torch.int8), ints(5, low=0, high=9, dtype=torch.uint8), normal()],
                         ids=["bool", "int8", "uint8", "scalar"])  # fmt: skip
def test_extremes(x: torch.Tensor) -> None:
    def model(x: torch.Tensor) -> Any:
        places = (x.argmax(), x.argmin(0)) if x.dtype is not torch.bool else ()
        return x.max(), x.min(), x.max(0), x.min(0), *places

    check(Case("", model, [x]))


NORMS: list[Any] = [0, 1, 2, 3, 0.5, 1.5, inf, -inf, -1]
CASES: list[Any] = [
    Case("norms", lambda x: [torch.linalg.vector_norm(x, p, dim=1) for p in NORMS], [X], tolerance=1e-5),
    Case(
        "norm_forms",
        lambda x: (x.norm(), x.norm(1), x.norm(dim=1), torch.norm(x, "fro"), torch.norm(x, dim=(0, 1))),
        [X],
    ),
    Case(
        "norm_dtype", lambda x: (torch.norm(x, dim=1, dtype=torch.float64), torch.norm(x, 3, dtype=torch.float32)), [X]
    ),
    Case("norm_zero", lambda x: torch.linalg.vector_norm(x, 0), [torch.tensor([0.0, -0.0, 1.0, -2.0])]),
    Case(
        "linalg_norm", lambda x: (torch.linalg.norm(x), torch.linalg.norm(x, dim=1), torch.linalg.matrix_norm(x)), [X]
    ),
    Case("norm_scalar", lambda x: x.norm(), [normal()]),
    Case(
        "var_forms",
        lambda x: (x.var(), x.var(False), x.var(1, False), x.var((0, 2), correction=0), x.var(correction=2)),
        [X],
    ),
    Case("std_forms", lambda x: (x.std(), x.std(False), x.std(1, keepdim=True), x.std(dim=1, correction=0.5)), [X]),
    Case(
        "with_mean", lambda x: (torch.var_mean(x, 1), torch.std_mean(x), torch.var_mean(x, (0, 1), keepdim=True)), [X]
    ),
    Case("with_mean_biased", lambda x: (torch.std_mean(x, False), torch.var_mean(x, 1, False)), [X]),
    Case("var_of_one", lambda x: (x.var(), x.var(0), x.std(0, correction=0)), [normal(1)]),
    Case("var_scalar", lambda x: x.var(correction=0), [normal()]),
    # In one pass, E[x^2] - E[x]^2, nothing would be left of this.
    Case("var_far_off", lambda x: (x.var(-1), x.std(-1)), [normal(3, 500, scale=0.1) + 1000]),
    Case("nanmean", lambda x: x.nanmean(), [torch.tensor([1.0, torch.nan, 3.0])], draws=0),
    Case("nansum", lambda x: (x.nansum(), x.nansum(0)), [torch.tensor([[1.0, torch.nan], [3.0, inf]])], draws=0),
    Case(
        "count_nonzero",
        lambda x: (x.count_nonzero(), x.count_nonzero(1), x.count_nonzero((0, 1))),
        [ints(2, 3, 4, low=0, high=2)],
    ),
    Case(
        "any_all",
        lambda x: (x.any(), x.all(), x.any(1), x.all(-1, keepdim=True), x.any((0, 1)), x.all((1, 2))),
        [bools(2, 3, 4)],
    ),
    Case("aminmax", lambda x: (torch.aminmax(x), torch.aminmax(x, dim=1), torch.aminmax(x, dim=-1, keepdim=True)), [X]),
    Case(
        "ties",
        lambda x: (x.argmax(1), x.argmin(1), x.max(1), x.min(0), x.argmax()),
        [ints(4, 20, low=0, high=3).float()],
    ),
    Case(
        "beyond 32 bits",
        lambda x: (x.argmax(1), x.argmin(0), x.argmin(), x.max(1)),
        [torch.tensor([[2**62, 7, -(2**62)], [5, 2**62 - 1, 2**62]])],
        draws=0,
    ),
    Case("argmax_keepdim", lambda x: (torch.argmax(x, keepdim=True), torch.argmin(x, 1, keepdim=True)), [X]),
    Case("empty", lambda x: (x.sum(), x.sum(0), x.mean(0), x.prod(), x.prod(0), x.sum(1)), [normal(0, 3)]),
    Case("empty_bool", lambda x: (x.any(), x.all(), x.any(0)), [bools(0, 3)]),
    Case(
        "infinite",
        lambda x: (x.sum(0), x.mean(1), x.amax(1), x.amin(0)),
        [torch.tensor([[inf, 1.0], [-inf, 2.0]])],
        draws=0,
    ),
    Case("int_mean", lambda x: x.float().mean(0), [ints(5, 3)]),
    Case("large_sums", lambda x: x.sum(), [ints(9, low=2**31, high=2**33)]),
    Case("long_sum", lambda x: (x.sum(-1), x.mean(-1)), [positive(2, 30000)]),
    Case("many_dimensions", lambda x: (x.sum((1, 3)), x.amax(2), x.mean(-1)), [normal(2, 1, 2, 3, 1, 2)]),
    Case("mean_ops", lambda x: x.mean((2, 3)), [normal(1, 3, 4, 4)], ops=["MEAN"]),
    Case("sum_int_ops", lambda x: x.sum(0), [ints(3, 4)], ops=["SUM"]),
]


@cases(CASES)
def test_forms(case: Case) -> None:
    check(case)
