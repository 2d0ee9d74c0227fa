"""Padding arithmetic, and padding and cropping together, against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from liteport.lowering import padding
from liteport.lowering.padding import Pads
from tests.lowering.run import run

# size, kernel, stride, dilation, (before, after)
SAME: list[tuple[int, int, int, int, tuple[int, int]]] = [
    (5, 3, 1, 1, (1, 1)),
    (5, 2, 1, 1, (0, 1)),
    (6, 3, 2, 1, (0, 1)),
    (5, 3, 2, 1, (1, 1)),
    (5, 1, 2, 1, (0, 0)),
    (7, 3, 1, 2, (2, 2)),
]


@pytest.mark.parametrize(("size", "kernel", "stride", "dilation", "pads"), SAME)
def test_same(size: int, kernel: int, stride: int, dilation: int, pads: tuple[int, int]) -> None:
    assert padding.same(size, kernel, stride, dilation) == pads
    count = -(-size // stride)
    assert padding.is_same(size, kernel, stride, dilation, pads[0], count)
    assert not padding.is_same(size, kernel, stride, dilation, pads[0] + 1, count)
    assert not padding.is_same(size, kernel, stride, dilation, pads[0], count + 1)


MODES = [("reflect", "reflect"), ("symmetric", "symmetric"), ("replicate", "edge"), ("circular", "wrap")]


@pytest.mark.parametrize(("mode", "numpys"), MODES)
@pytest.mark.parametrize(("before", "after"), [(0, 0), (2, 1), (3, 0), (0, 3)])
def test_sources(mode: str, numpys: Any, before: int, after: int) -> None:
    expected = np.pad(np.arange(4), (before, after), mode=numpys)
    np.testing.assert_array_equal(padding.sources(4, before, after, mode), expected)


# pads, value, what numpy would make of it
CROPS: list[tuple[Pads, float, Any]] = [
    ([(1, 2)], 0, lambda x: np.pad(x, [(0, 0), (1, 2)])),
    ([(-1, 2), (0, -1)], 5, lambda x: np.pad(x[1:, :-1], [(0, 2), (0, 0)], constant_values=5)),
    # More taken away than there is: the padding goes too.
    ([(-4, 3)], 5, lambda x: np.pad(x, [(0, 0), (0, 3)], constant_values=5)[:, 4:]),
    ([(3, -5)], 5, lambda x: np.pad(x, [(0, 0), (3, 0)], constant_values=5)[:, :-5]),
]


@pytest.mark.parametrize(("pads", "value", "expected"), CROPS)
def test_pad_or_crop(pads: Pads, value: float, expected: Any) -> None:
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    got = run(lambda b, v: padding.pad_or_crop(b, v, pads, value), x)
    np.testing.assert_array_equal(got, expected(x))


def test_own_elements_of_a_symmetric_mirror() -> None:
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    got = run(lambda b, v: padding.pad_with_own(b, v, [(1, 2), (2, -1)], "symmetric"), x)
    np.testing.assert_array_equal(got, np.pad(x, [(1, 2), (2, 0)], mode="symmetric")[:, :-1])
