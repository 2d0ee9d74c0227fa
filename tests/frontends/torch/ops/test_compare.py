"""Comparisons, logic, bits and choices."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
import torch

from tests.frontends.torch.ops.inputs import EDGES, bools, ints, normal
from tests.harness import Case, cases, check

F32, BOOL = normal(2, 3, 4), bools(2, 3, 4)
OPERANDS: dict[str, tuple[torch.Tensor, torch.Tensor]] = {
    "floats": (F32, normal(2, 3, 4)),
    "edges": (EDGES[:, None], EDGES),
    "int64": (ints(2, 3, 4), ints(4)),
    "int32_float": (ints(2, 3, 4, dtype=torch.int32), ints(4).float()),
    "int8": (ints(2, 3, dtype=torch.int8), ints(3, dtype=torch.int8)),
    "uint8_int8": (ints(2, 3, low=0, high=250, dtype=torch.uint8), ints(3, dtype=torch.int8)),
    "bools": (BOOL, bools(3, 1)),
    "bool_int": (BOOL, ints(4, low=0, high=2)),
    "scalar_tensor": (F32, torch.tensor(0)),
}


@pytest.mark.parametrize("operands", OPERANDS.values(), ids=OPERANDS)
def test_relations(operands: tuple[torch.Tensor, torch.Tensor]) -> None:
    check(Case("", lambda x, y: (x == y, x != y, x < y, x <= y, x > y, x >= y), operands))


@pytest.mark.parametrize("number", [0, 1, -2.5, True], ids=str)
@pytest.mark.parametrize("x", [F32, ints(9), ints(9, dtype=torch.int8), BOOL], ids=["f32", "i64", "i8", "bool"])
def test_relations_to_numbers(x: torch.Tensor, number: float) -> None:
    check(Case("", lambda x: (x == number, x != number, x < number, x <= number, x > number, number >= x), [x]))


@pytest.mark.parametrize(
    "operands",
    [
        (BOOL, bools(4)),
        (ints(2, 4, low=-1, high=2), ints(4, low=-1, high=2)),
        (F32, ints(4, low=0, high=2)),
        (EDGES, EDGES),
    ],
    ids=["bools", "ints", "mixed", "edges"],
)
def test_logic(operands: tuple[torch.Tensor, torch.Tensor]) -> None:
    def model(x: torch.Tensor, y: torch.Tensor) -> Any:
        return torch.logical_and(x, y), torch.logical_or(x, y), torch.logical_xor(x, y), torch.logical_not(x)

    check(Case("", model, operands))


LARGE = {"low": -(2**31), "high": 2**31}
NUMBERS = {
    "int32": (ints(40, **LARGE, dtype=torch.int32), ints(40, **LARGE, dtype=torch.int32)),
    "int64": (ints(40, low=-(2**30), high=2**30), ints(40, low=-(2**30), high=2**30)),
    "int8": (ints(40, low=-128, high=128, dtype=torch.int8), ints(40, low=-128, high=128, dtype=torch.int8)),
    "uint8": (ints(40, low=0, high=256, dtype=torch.uint8), ints(40, low=0, high=256, dtype=torch.uint8)),
    "bool": (BOOL, bools(4)),
}


@pytest.mark.parametrize("operands", NUMBERS.values(), ids=NUMBERS)
def test_bits(operands: tuple[torch.Tensor, torch.Tensor]) -> None:
    check(Case("", lambda x, y: (x & y, x | y, x ^ y, ~x, torch.bitwise_and(x, y), torch.bitwise_not(x)), operands))


@pytest.mark.parametrize("mask", [0, 1, 7, 0x50, 0x7F, 0x70F0F0F0, 0x7FFFFFFF, -1, -8, -(2**31)], ids=hex)
@pytest.mark.parametrize("dtype", [torch.int32, torch.int64], ids=str)
def test_constant_masks(mask: int, dtype: torch.dtype) -> None:
    check(Case("", lambda x: (x & mask, x | mask, mask & x), [ints(40, **LARGE, dtype=dtype)]))


SHIFTS = [
    Case("by_number", lambda x: (x << 3, x >> 2, x << 0, 1 << (x & 7), 100 >> (x & 3)), [ints(9, low=-99, high=99)]),
    Case(
        "by_tensor",
        lambda x, y: (x << y, x >> y),
        [ints(9, dtype=torch.int32), ints(9, low=0, high=9, dtype=torch.int32)],
    ),
    Case("by_width", lambda x, y: (x << y, x >> y), [ints(9, dtype=torch.int32), torch.arange(28, 37).int()]),
    Case("by_width_int64", lambda x, y: (x << y, x >> y), [ints(9, low=-99, high=99), torch.arange(59, 68)]),
    Case("sign_bit", lambda x: (x << 31, x >> 31), [ints(9, dtype=torch.int32)]),
    Case("uint8", lambda x: (x << 3, x >> 1), [ints(9, low=0, high=256, dtype=torch.uint8)]),
    Case("named", lambda x: torch.bitwise_right_shift(torch.bitwise_left_shift(x, 2), 1), [ints(9)]),
]


@cases(SHIFTS)
def test_shifts(case: Case) -> None:
    check(case)


QUESTIONS: list[Any] = [
    *(torch.isnan, torch.isinf, torch.isfinite, torch.isposinf, torch.isneginf, torch.signbit, torch.nan_to_num),
]


@pytest.mark.parametrize(
    "x", [torch.cat([EDGES, torch.tensor([-nan])]), ints(5), BOOL], ids=["floats", "ints", "bools"]
)
def test_questions(x: torch.Tensor) -> None:
    check(Case("", lambda x: tuple(q(x) for q in QUESTIONS), [x], draws=0))


OTHERS = EDGES.roll(1)
CASES = [
    Case("isclose", lambda x, y: (torch.isclose(x, y), torch.isclose(x, y, equal_nan=True)), [EDGES, EDGES]),
    Case("isclose_apart", lambda x, y: (torch.isclose(x, y), torch.isclose(x, y, 0.5, 0.1)), [EDGES, OTHERS]),
    Case("nan_to_num", lambda x: torch.nan_to_num(x, 7.0, 5.0, -5.0), [EDGES]),
    Case("where", torch.where, [BOOL, F32, normal(4)]),
    Case("where_broadcast", torch.where, [bools(3, 1), normal(4), normal(2, 1, 1)]),
    Case("where_mixed", torch.where, [BOOL, ints(2, 3, 4), F32]),
    Case(
        "where_numbers",
        lambda c, x: (torch.where(c, x, 0.5), torch.where(c, 2, x), torch.where(c, 1.0, 0.0)),
        [BOOL, F32],
    ),
    Case("where_int_number", lambda c, x: (torch.where(c, x, 0.5), torch.where(c, x, 2)), [BOOL, ints(4)]),
    Case("where_int8", torch.where, [bools(5), ints(5, dtype=torch.int8), ints(5, dtype=torch.int8)]),
    Case("where_bool", torch.where, [BOOL, bools(4), bools(3, 1)]),
    Case(
        "where_nan",
        lambda c, x: torch.where(c, x, 0.0),
        [torch.tensor([True, False, False]), torch.tensor([1, nan, inf])],
        draws=0,
    ),
    Case("masked_fill", lambda x, m: (x.masked_fill(m, -inf), x.masked_fill(m, 2)), [F32, bools(3, 4)]),
    Case("masked_fill_int", lambda x, m: x.masked_fill(m, 2), [ints(2, 3, 4), BOOL]),
    Case("masked_fill_tensor", lambda x, m, v: x.masked_fill(m, v), [F32, BOOL, torch.tensor(3.0)]),
    Case("masked_fill_ops", lambda x, m: x.masked_fill(m, 1.0), [F32, BOOL], ops=["SELECT_V2"]),
]


@cases(CASES)
def test_choices(case: Case) -> None:
    check(case)
