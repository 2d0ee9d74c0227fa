"""Checks in a forward, which the export leaves out; branches that matter, which it does not guess.

PYTEST_DONT_REWRITE: the networks' own assertions are to stay as they are.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tests.frontends.torch.ops.inputs import normal
from tests.harness import Case, cases, check


def asserted(x: Tensor) -> Tensor:
    assert (x > -100).all(), "too small"
    assert x.min() >= -99 and x.max() < 100  # noqa: PT018
    return x * 2


def raised(x: Tensor) -> Tensor:
    if x.isnan().any():
        raise ValueError(f"nan in {x.shape}")
    if not torch.isfinite(x).all():
        raise ValueError
    return x * 2


def otherwise(x: Tensor) -> Tensor:
    if x.min() > -100:
        y = x * 2
    else:
        raise ValueError("too small")
    return y


def branches(x: Tensor) -> Tensor:
    return x * 2 if x.sum() > 0 else x


def ends(x: Tensor) -> Tensor:
    if x.sum() > -100:
        return x * 2
    raise NotImplementedError("too small")


def repeats(x: Tensor) -> Tensor:
    while x.sum() > 0:
        x = x - 1
    return x


CASES = [
    *(Case(f.__name__, f, [normal(2, 3)], ops=["MUL"]) for f in (asserted, raised, otherwise, ends)),
    *(Case(f.__name__, f, [normal(2, 3)], error="torch.cond") for f in (branches, repeats)),
]


@cases(CASES)
def test_asserted(case: Case) -> None:
    check(case)
