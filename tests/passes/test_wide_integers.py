"""Integers beyond 32 bits against PyTorch, and those that are known to fit."""

from __future__ import annotations

import torch
from torch import Tensor

from tests.frontends.torch.ops.inputs import ints, normal
from tests.harness import Case, cases, check

WIDE = ints(40, low=-(2**62), high=2**62)
SOME = ints(40, low=1, high=2**20)
NEAR = torch.tensor([2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**33, 2**33 + 1, 0, -1])
HIGHEST = torch.tensor([2**63 - 1, -(2**63), 2**63 - 1, -(2**63) + 1])


def _quotients(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    return x // y, torch.div(x, y, rounding_mode="trunc"), torch.fmod(x, y)


EXACT = [
    Case("abs and sign", lambda x: (x.abs(), x.sign()), [WIDE], also=[[NEAR.repeat(5)]]),
    Case("quotients", _quotients, [WIDE, SOME], also=[[NEAR.repeat(5), -SOME]]),
    Case("quotients of alike", _quotients, [WIDE, ints(40, low=2**60, high=2**62)]),
    Case("quotients of the ends", _quotients, [HIGHEST, torch.tensor([1, 1, 3, -7])], draws=0),
    Case("by a number", lambda x: (x // 3, x // 4096, x // -7, torch.div(x, 10, rounding_mode="trunc")), [WIDE]),
    Case("power", lambda x, y: x**y, [ints(40), ints(40, low=0, high=20)]),
    Case("power that wraps", lambda x, y: x**y, [ints(40), torch.arange(40) + 24]),
    Case("power of int32", torch.pow, [ints(40, dtype=torch.int32), ints(40, low=0, high=32, dtype=torch.int32)]),
    Case("bits", lambda x, y: (x & y, x | y, x ^ y, x ^ 2**40), [WIDE, ints(40, low=-(2**62), high=2**62)]),
    Case("shifts", lambda x, y: (x >> y, x >> 3, x >> 40, x >> 63), [WIDE, ints(40, low=0, high=66)]),
    Case("buckets", lambda x: torch.bucketize(x, torch.tensor([0, 2**33, 2**33 + 1])), [NEAR]),
    Case("seven dimensions", lambda x: x // 3, [ints(1, 2, 1, 2, 1, 2, 1, 2, low=-(2**40), high=2**40)]),
]

FITTING = [
    Case("places", lambda x: x.argmax(1) // 3, [normal(4, 9)], ops=["ARG_MAX", "CAST", "FLOOR_DIV", "CAST"]),
    Case(
        "from int32",
        lambda x: x.long()[1:].abs(),
        [ints(9, dtype=torch.int32)],
        ops=["CAST", "SLICE", "CAST", "ABS", "CAST"],
    ),
    Case("remainders", lambda x: x % 100 // 7, [ints(9)], ops=["FLOOR_MOD", "CAST", "FLOOR_DIV", "CAST"]),
    Case("unknown", lambda x: x.abs(), [ints(9)], ops=["NEG", "MAXIMUM"]),
]


@cases(EXACT + FITTING)
def test_wide_integers(case: Case) -> None:
    check(case)
