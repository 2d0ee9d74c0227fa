"""Arithmetic of two operands: every overload, mixed types, broadcasting, rounding modes, edges."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
import torch

from tests.frontends.torch.ops.inputs import bools, ints, normal, positive
from tests.harness import Case, cases, check

F32, F32_B = normal(2, 3, 4), normal(2, 3, 4)
I64, I64_B = ints(2, 3, 4), ints(2, 3, 4, low=1)
I32 = ints(2, 3, 4, dtype=torch.int32)
BOOL = bools(2, 3, 4)

ARITHMETIC: list[Any] = [
    *(torch.add, torch.sub, torch.mul, torch.div, torch.maximum, torch.minimum, torch.remainder, torch.fmod),
    *(torch.floor_divide, torch.fmax, torch.fmin),
]
OPERANDS: dict[str, tuple[torch.Tensor, torch.Tensor]] = {
    "floats": (F32, F32_B),
    "float_int": (F32, I64_B),
    "int64": (I64, I64_B),
    "int32": (I32, I64_B.int()),
    "int32_int64": (I32, I64_B),
    "int16": (I32.short(), I64_B.short()),
    "int8": (I32.char(), I64_B.char()),
    "uint8": (I32.abs().byte(), I64_B.byte()),
    "uint8_int8": (I32.abs().byte(), I64_B.char()),
    "row": (F32, normal(4)),
    "column": (normal(2, 1, 1), F32),
    "both_ways": (normal(3, 1), normal(1, 4)),
    "one": (F32, normal(1)),
    "scalar_tensor": (F32, torch.tensor(3)),
    "int_scalar_tensor": (I32, torch.tensor(3)),
    "scalars": (normal(), normal()),
    "empty": (normal(0, 3), normal(3)),
    "many_dimensions": (normal(2, 1, 2, 1, 2, 3), normal(1, 2, 1, 2, 2, 1)),
}


@pytest.mark.parametrize("operands", OPERANDS.values(), ids=OPERANDS)
@pytest.mark.parametrize("function", ARITHMETIC, ids=lambda f: f.__name__)
def test_tensors(function: Any, operands: tuple[torch.Tensor, torch.Tensor]) -> None:
    check(Case("", function, operands))


@pytest.mark.parametrize("number", [2, 2.5, -3], ids=str)
@pytest.mark.parametrize("x", [F32, I64, I32, I32.short()], ids=["f32", "i64", "i32", "i16"])
def test_numbers(x: torch.Tensor, number: float) -> None:
    def model(x: torch.Tensor) -> Any:
        sums = x + number, number + x, x - number, number - x, torch.add(x, number, alpha=2)
        products = x * number, x / number, x // number, x % number, torch.fmod(x, number)
        return *sums, *products, torch.rsub(x, number), torch.rsub(x, number, alpha=3), torch.sub(x, number, alpha=3)

    check(Case("", model, [x]))


ROUNDED = normal(60, scale=9), positive(60, low=0.3) * ints(60, low=0, high=2).float().mul(2).sub(1)

CASES = [
    Case("alpha", lambda x, y: (torch.add(x, y, alpha=0.5), torch.sub(x, y, alpha=-2)), [F32, F32_B]),
    Case("alpha_int", lambda x, y: torch.add(x, y, alpha=3), [I32, I64_B]),
    Case("bool_add_mul", lambda x, y: (x + y, x * y, x + 1, x * 2.5, x / 2), [BOOL, bools(2, 3, 4)]),
    Case("aliases", lambda x, y: torch.divide(torch.multiply(torch.subtract(x, y), y), 3), [F32, F32_B]),
    Case("true_divide", lambda x, y: (torch.true_divide(x, y), torch.true_divide(x, 3)), [I64, I64_B]),
    Case("gcd", lambda x, y: (torch.gcd(x, y), torch.gcd(x * 12, y * 18)), [I64, I64_B]),
    Case(
        "gcd_of_zeros",
        lambda x, y: torch.gcd(x[:, None], y),
        [ints(4, low=0, high=2).int(), ints(3, low=-2, high=2).int()],
    ),
    Case("reciprocal", lambda x: (2 / x, 1 // x), [positive(9)]),
    *(
        Case(f"{mode}_{kind}", lambda x, y, mode=mode: torch.div(x, y, rounding_mode=mode), operands)
        for mode in ("trunc", "floor", None)
        for kind, operands in {"float": ROUNDED, "int": (I64, I64_B), "mixed": (I32, ROUNDED[1][:4])}.items()
    ),
    Case(
        "mode_numbers",
        lambda x: (torch.div(x, 2, rounding_mode="trunc"), torch.div(x, 0.3, rounding_mode="floor")),
        [normal(50, scale=9)],
    ),
    Case("remainders", lambda x, y: (x % y, torch.fmod(x, y), x // y), ROUNDED),
    Case("number_remainder", lambda x: (7 % x, 2.5 % x, 7 // x), [positive(20)]),
    # 1.0 // 0.1 is 9: the float 0.1 is a little more than a tenth.
    Case(
        "exact_quotient", lambda x, y: x // y, [torch.tensor([1.0, 2.0, 0.3, 7.0]), torch.tensor([0.1, 0.2, 0.1, 0.7])]
    ),
    Case("by_zero", lambda x, y: (x / y, x // y, x % y), [torch.tensor([1.0, -1.0, 0.0]), torch.zeros(3)], draws=0),
    Case("div_ops", torch.div, [F32, F32_B], ops=["DIV"]),
    Case("add_ops", lambda x: x + 1, [F32], ops=["ADD"]),
]

POWERS = [
    Case(f"pow_{e}", lambda x, e=e: x**e, [positive(3, 5)])
    for e in (0, 1, 2, 3, 4, 5, 7, 8, 9, 0.5, -0.5, -1, -2, 1.5, 2.2, -3)
]
POWERS += [
    Case("pow_negative_base", lambda x: (x**2, x**3, x**-1, x**5, x**9), [normal(20)], tolerance=3e-6),
    Case("pow_int", lambda x: (x**0, x**2, x**3, x**2.0), [ints(20, low=-4, high=5)]),
    Case("pow_tensors", lambda x, y: (x**y, torch.float_power(x, y)), [positive(3, 4), normal(4)]),
    Case("pow_int_tensors", torch.pow, [ints(9, low=-3, high=4), ints(9, low=0, high=4)]),
    Case("pow_of_number", lambda x: (2**x, 0.5**x, 1**x), [normal(20)]),
    Case("float_power", lambda x: (torch.float_power(x, 2), torch.float_power(2, x)), [ints(9, low=0, high=4)]),
    Case("pow_zero", lambda x: (x**0.5, x**-0.5, x**-1, x**2), [torch.tensor([0.0, 1.0, 4.0, inf])], draws=0),
    Case("square_ops", lambda x: x**2, [F32], ops=["MUL"]),
]

BOUNDS = normal(4), normal(3, 1) + 2
CLAMPS = [
    Case("clamp", lambda x: (x.clamp(-0.5, 0.7), x.clamp(min=0.1), x.clamp(max=0.1), x.clamp(2, 1)), [F32]),
    Case("clamp_known", lambda x: (x.clamp(0, 6), x.clamp(-1, 1), x.clamp(min=0), x.clamp(0, 1)), [F32 * 4]),
    Case("clamp_relu6_ops", lambda x: torch.clip(x, 0, 6), [F32], ops=["RELU6"]),
    Case("clamp_int", lambda x: (x.clamp(-2, 3), x.clamp(min=0), x.clamp(max=2.5)), [I64]),
    Case("clamp_int8", lambda x: x.clamp(-2, 3), [I32.char()]),
    Case("clamp_tensors", lambda x, a, b: (x.clamp(a, b), x.clamp(min=a), x.clamp(max=b)), [F32, *BOUNDS]),
    Case(
        "clamp_min_max", lambda x, a: (x.clamp_min(0.3), x.clamp_max(0.3), x.clamp_min(a), x.clamp_max(a)), [F32, F32_B]
    ),
    Case(
        "clamp_nan",
        lambda x: (x.clamp(-1, 2), x.clamp(0, 6), x.clamp(0.5)),
        [torch.tensor([nan, inf, -inf, 1.0])],
        draws=0,
    ),
    Case("max_other", lambda x, y: (torch.max(x, y), torch.min(x, y)), [F32, normal(4)]),
    Case("max_bool", lambda x, y: (torch.maximum(x, y), torch.minimum(x, y)), [BOOL, bools(4)]),
    Case(
        "fmax_nan",
        lambda x, y: (torch.fmax(x, y), torch.fmin(x, y)),
        [torch.tensor([nan, 1.0, nan, 2.0]), torch.tensor([3.0, nan, nan, 1.0])],
        draws=0,
    ),
]

FORMULAS = [
    Case("lerp", lambda x, y: (torch.lerp(x, y, 0.2), torch.lerp(x, y, 0.8), torch.lerp(x, y, 1.0)), [F32, F32_B]),
    Case("lerp_tensor", torch.lerp, [F32, normal(4), positive(2, 3, 4, high=0.9)]),
    Case(
        "addcmul", lambda x, y, z: (torch.addcmul(x, y, z), torch.addcmul(x, y, z, value=0.5)), [F32, F32_B, normal(4)]
    ),
    Case("addcmul_int", lambda x, y, z: torch.addcmul(x, y, z, value=2), [I64, I64_B, ints(2, 3, 4)]),
    Case("addcdiv", lambda x, y, z: torch.addcdiv(x, y, z, value=2), [F32, F32_B, positive(2, 3, 4)]),
    Case("atan2", torch.atan2, [F32, F32_B]),
    Case("atan2_broadcast", torch.atan2, [normal(3, 1), normal(4)]),
    Case("atan2_axes", torch.atan2, [torch.tensor([0.0, 1, 0, -1, 0]), torch.tensor([1.0, 0, -1, 0, 0])], draws=0),
    Case("hypot", torch.hypot, [F32, normal(4)]),
    Case(
        "hypot_edges",
        torch.hypot,
        [torch.tensor([0, inf, 3e38, 1e-30, inf, -3]), torch.tensor([0, inf, 1e38, 1e-30, 1, 4.0])],
        draws=0,
    ),
    Case("logaddexp", torch.logaddexp, [F32 * 20, F32_B]),
    Case(
        "logaddexp_edges",
        torch.logaddexp,
        [torch.tensor([inf, -inf, -inf, inf, 100]), torch.tensor([inf, -inf, 3, -inf, 100.0])],
        draws=0,
    ),
    Case("xlogy", lambda x, y: (torch.xlogy(x, y), torch.xlogy(x, 2.5), torch.xlogy(2, y)), [F32, positive(2, 3, 4)]),
    Case("xlogy_zero", torch.xlogy, [torch.tensor([0.0, 0, 0, 1]), torch.tensor([0.0, inf, nan, 0])], draws=0),
    Case(
        "special_xlogy",
        lambda x, y: (torch.special.xlogy(x, y), torch.special.xlogy(x, 2), torch.special.xlogy(2, y)),
        [F32, positive(2, 3, 4)],
    ),
    Case("heaviside", torch.heaviside, [torch.tensor([-1.0, 0, 2, nan]), torch.tensor([0.5, 0.25, 1, 3])], draws=0),
    Case("heaviside_int", torch.heaviside, [I64, I64_B]),
    Case("ldexp", torch.ldexp, [F32, ints(2, 3, 4)]),
    Case("copysign", lambda x, y: (torch.copysign(x, y), torch.copysign(x, -2)), [F32, F32_B]),
    Case("copysign_zero", torch.copysign, [torch.tensor([1.0, 2, -3]), torch.tensor([-0.0, 0.0, -inf])], draws=0),
]


@cases(CASES)
def test_arithmetic(case: Case) -> None:
    check(case)


@cases(POWERS)
def test_power(case: Case) -> None:
    check(case)


@cases(CLAMPS)
def test_clamp(case: Case) -> None:
    check(case)


@cases(FORMULAS)
def test_formula(case: Case) -> None:
    check(case)
