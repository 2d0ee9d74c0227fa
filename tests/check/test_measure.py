"""The numbers of a comparison, and where the bar stands."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from liteport.check.measure import OutputCheck, Tally

ONES = np.ones((2, 3), np.float32)
NAN, INF = math.nan, math.inf


def measured(*pairs: tuple[object, object], dtype: str = "f4") -> OutputCheck:
    tally = Tally("s", "y")
    for expected, actual in pairs:
        tally.add(np.asarray(expected, dtype), np.asarray(actual, dtype))
    return tally.result()


def test_numbers() -> None:
    check = measured(([3.0, -4.0], [3.0, -4.5]), ([0.0, 0.0], [0.25, 0.0]))
    assert check.elements == 4
    assert check.mean_error == pytest.approx(0.75 / 4)
    assert check.worst_error == 0.5
    assert check.relative_error == pytest.approx(0.5 / 4)
    assert check.cosine == pytest.approx((9 + 18) / 5 / math.sqrt(9 + 20.25 + 0.0625))
    assert check.bar == pytest.approx(1e-6 * 7 / 4)
    assert check.type == "float32[2]"
    assert not check.passed


# name, type, expected, actual, a piece of the problem ("" where it passes)
VERDICTS = [
    ("equal", "f4", [1, 2], [1, 2], ""),
    ("rounding", "f4", [1.0, 2.0], [1.0 + 1e-7, 2.0], ""),
    ("above the bar", "f4", [0.1, 0.2], [0.1 + 3e-6, 0.2], "is not below 1e-06"),
    ("the bar grows with the output", "f8", [1000.0], [1000.0 + 5e-4], ""),
    ("and ends there", "f8", [1000.0], [1000.0 + 2e-3], "is not below 0.001"),
    ("integers equal", "i4", [1, 2], [1, 2], ""),
    ("one integer", "i8", [1, 2, 3], [1, 2, 4], "1 of 3 elements differ"),
    ("large integers", "i8", [2**60], [2**60 + 1], "1 of 1 elements differ"),
    ("bools", "?", [True, False], [True, True], "1 of 2 elements differ"),
    ("NaN on both sides", "f4", [NAN, 1], [NAN, 1], ""),
    ("NaN on one side", "f4", [NAN, 1], [0, 1], "on one side only, 1 of 2"),
    ("infinities", "f4", [INF, -INF, 1], [INF, -INF, 1], ""),
    ("infinities of two signs", "f4", [INF, 1], [-INF, 1], "on one side only, 1 of 2"),
    ("nothing finite", "f4", [NAN, NAN], [NAN, NAN], "nothing finite to compare"),
    ("empty", "f4", [], [], ""),
    ("complex", "c8", [1 + 2j], [1 + 3j], "is not below"),
    ("negative zero", "f4", [0.0], [-0.0], ""),
]


@pytest.mark.parametrize(
    ("dtype", "expected", "actual", "problem"), [v[1:] for v in VERDICTS], ids=[v[0] for v in VERDICTS]
)
def test_verdict(dtype: str, expected: object, actual: object, problem: str) -> None:
    check = measured((expected, actual), dtype=dtype)
    assert check.passed == (not problem)
    assert problem in check.problem


@pytest.mark.parametrize(
    ("actual", "problem"),
    [
        (np.ones((3, 2), np.float32), "shape [3, 2] instead of [2, 3]"),
        (np.ones((2, 3), np.int32), "int32 instead of float32"),
    ],
)
def test_other_types_fail(actual: np.ndarray, problem: str) -> None:
    tally = Tally("s", "y")
    tally.add(ONES, actual)
    assert tally.result().problem == problem


def test_widths_may_differ() -> None:
    tally = Tally("s", "y")
    tally.add(np.array([1, 2], np.int64), np.array([1, 2], np.int32))
    assert tally.result().passed


def test_sums_over_chunks_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    expected, actual = rng.normal(size=(2, 7, 11))
    whole = measured((expected, actual), dtype="f8")
    monkeypatch.setattr("liteport.check.measure._CHUNK", 10)
    parts = measured((expected, actual), dtype="f8")
    for name in ("elements", "mean_error", "worst_error", "relative_error", "cosine", "bar"):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), rel=1e-12), name


def test_dict_is_json() -> None:
    plain = measured(([NAN], [NAN])).to_dict()
    assert plain["mean_error"] is None
    assert plain["passed"] is False
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_quantised_outputs_are_measured_in_steps() -> None:
    near, far = Tally("s", "near", step=0.5), Tally("s", "far", step=0.5)
    expected = np.linspace(-4, 4, 100, dtype=np.float32)
    near.add(expected, expected + np.float32(0.4))
    far.add(expected, expected + np.float32(0.6))
    assert near.result().passed
    assert near.result().remark == "ok: quantised, 100 % within a step of 0.5"
    assert far.result().problem == "mean error 0.6 is not below 0.5, its step being 0.5"


def test_quantised_integers_need_not_be_equal_but_near() -> None:
    tally = Tally("s", "y", step=1.0)
    tally.add(np.array([1, 2, 3, 4], np.int8), np.array([1, 2, 4, 6], np.int8))
    found = tally.result()
    assert found.passed
    assert (found.differing, found.within) == (0, 0.75)


def test_floats_from_quantised_numbers_have_a_255th_of_their_range_for_a_step() -> None:
    tally = Tally("s", "y", step=0.0)
    tally.add(np.array([-1.0, 1.55], np.float32), np.array([-1.0, 1.555], np.float32))
    assert tally.result().step == pytest.approx(0.01)
    assert tally.result().passed


def test_what_nudged_inputs_move_a_quantised_output_by_is_allowed_twice() -> None:
    tally = Tally("s", "y", step=0.5)
    expected = np.linspace(-4, 4, 100, dtype=np.float32)
    tally.add(expected, expected + np.float32(0.6))
    assert tally.may_be_rounding
    tally.accept(0.4)
    assert tally.result().passed
    assert "nudged inputs move it by 0.8" in tally.result().remark
    tally.accept(0.2)
    assert not tally.result().passed
    tally.accept(8 * 0.5 + 1)  # more than rounding could be
    assert not tally.result().passed
