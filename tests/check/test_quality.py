"""What quantised outputs are judged by."""

from __future__ import annotations

import math

import numpy as np
import pytest

from liteport.check.quality import Likeness, Quality

INF, NAN = math.inf, math.nan


def judged(expected: object, actual: object, allowed: float = 20.0, dtype: str = "f4") -> Quality:
    likeness = Likeness(allowed)
    likeness.add(np.asarray(expected, dtype), np.asarray(actual, dtype))
    return likeness.result()


# name, expected, actual, dB
RATIOS = [
    ("equal", [1.0, 2.0], [1.0, 2.0], INF),
    ("a tenth", [1.0, -1.0], [1.1, -0.9], 20.0),
    ("a hundredth", [3.0, 4.0], [3.03, 4.04], 40.0),
    ("as much as there is", [1.0, 1.0], [0.0, 0.0], 0.0),
    ("twice as much", [1.0, 1.0], [-1.0, -1.0], -6.0206),
    ("nothing was expected", [0.0], [0.1], -INF),
    ("nothing came", [0.0], [0.0], INF),
    ("what is infinite is not counted", [INF, 1.0], [INF, 1.1], 20.0),
    ("nor is NaN", [NAN, 1.0], [NAN, 1.1], 20.0),
]


@pytest.mark.parametrize(("expected", "actual", "ratio"), [r[1:] for r in RATIOS], ids=[r[0] for r in RATIOS])
def test_ratio(expected: object, actual: object, ratio: float) -> None:
    assert judged(expected, actual).sqnr == pytest.approx(ratio, abs=1e-4)


# name, expected, actual, how many rows count, how many of them agree
SCORES = [
    ("the same best", [[0.0, 9.0, 1.0]], [[1.0, 8.0, 2.0]], 1, 1.0),
    ("another best", [[0.0, 9.0, 1.0]], [[9.0, 8.0, 2.0]], 1, 0.0),
    ("a close race is none", [[9.0, 9.1, 1.0]], [[9.1, 9.0, 2.0]], 0, 1.0),
    ("row by row", [[0.0, 9.0], [9.0, 0.0], [5.0, 5.0]], [[0.0, 9.0], [0.0, 9.0], [5.0, 5.0]], 2, 0.5),
    ("no scores", [0.0, 9.0], [9.0, 0.0], 0, 1.0),
    ("one class", [[9.0]], [[1.0]], 0, 1.0),
]


@pytest.mark.parametrize(
    ("expected", "actual", "rows", "agreement"), [s[1:] for s in SCORES], ids=[s[0] for s in SCORES]
)
def test_scores(expected: object, actual: object, rows: int, agreement: float) -> None:
    found = judged(expected, actual)
    assert (found.rows, found.agreement) == (rows, agreement)


def test_integers_are_counted() -> None:
    found = judged([1, 2, 3, 4], [1, 2, 3, 5], dtype="i4")
    assert (found.rows, found.agreement, found.sqnr) == (4, 0.75, INF)
    assert "only 75% of 4 agree" in found.problem


def test_what_passes() -> None:
    assert not judged([1.0, 1.0], [1.05, 0.95]).problem
    assert "14.0 dB of signal to noise are less than 20 dB" in judged([1.0, 1.0], [1.2, 0.8]).problem
    swapped = judged([[0.0, 1.0], *[[50.0, -50.0]] * 9], [[1.0, 0.0], *[[50.0, -50.0]] * 9])
    assert not swapped.problem
