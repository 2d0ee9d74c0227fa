"""Windows and what poolings make of them, against loops in numpy."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from liteport.ir.types import Array
from liteport.lowering import pooling
from liteport.lowering.pooling import Window
from tests.lowering.run import run

# Windows over 6 elements.
WINDOWS = {
    "plain": pooling.sliding(6, 2, 2, count=3),
    "same": pooling.sliding(6, 3, 1, 1, count=6),
    "padded_in_front": pooling.sliding(6, 3, 2, 2, count=3),
    "padded_behind": pooling.sliding(6, 3, 2, count=3),
    "dilated": pooling.sliding(6, 2, 1, 1, 3, count=4),
    "uneven": pooling.adaptive(6, 4),
    "more": pooling.adaptive(6, 9),
    "whole": pooling.adaptive(6, 1),
    "divided": replace(pooling.sliding(6, 3, 2, 1, count=3), divisor=np.array([3, 3, 7])),
}


def _each(windows: tuple[Window, Window], x: Array) -> list[list[Array]]:
    """The elements of each window, for x[H,W]."""
    rows, columns = windows
    return [[x[np.ix_(r[r >= 0], c[c >= 0])] for c in columns.taps] for r in rows.taps]


@pytest.mark.parametrize(("rows", "columns"), product(WINDOWS, WINDOWS))
def test_pooling(rows: str, columns: str) -> None:
    windows = (WINDOWS[rows], WINDOWS[columns])
    x = np.random.default_rng(0).standard_normal((1, 1, 6, 6)).astype(np.float32)
    each = _each(windows, x[0, 0])
    largest = np.array([[e.max() for e in line] for line in each])
    np.testing.assert_array_equal(run(lambda b, v: pooling.max_pool(b, v, windows), x)[0, 0], largest)
    places = _each(windows, np.arange(36).reshape(6, 6))
    where = [[p.flat[e.argmax()] for p, e in zip(*lines, strict=True)] for lines in zip(places, each, strict=True)]
    np.testing.assert_array_equal(run(lambda b, v: pooling.max_indices(b, v, windows), x)[0, 0], where)
    divisors = np.outer(windows[0].divisors, windows[1].divisors)
    mean = np.array([[e.sum() for e in line] for line in each]) / divisors
    np.testing.assert_allclose(run(lambda b, v: pooling.average_pool(b, v, windows), x)[0, 0], mean, atol=1e-6)


@pytest.mark.parametrize(("size", "count"), [(6, 4), (5, 7), (10, 3), (1, 3), (7, 7)])
def test_adaptive_windows(size: int, count: int) -> None:
    taps = pooling.adaptive(size, count).taps
    for o, seen in enumerate(taps):
        first, last = o * size // count, -(-(o + 1) * size // count)
        assert seen[seen >= 0].tolist() == list(range(first, last))
