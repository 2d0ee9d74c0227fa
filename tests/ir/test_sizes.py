"""Sizes that are only known when a model runs."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import pytest

from liteport.errors import UnsupportedError
from liteport.ir.sizes import Size, Space, at, example, int_array, is_fixed, larger, smaller
from liteport.ir.witnesses import Range


def sizes() -> tuple[int, int]:
    space = Space()
    return space.symbol("n", 4), space.symbol("m", 6)


# name, what is made of n = 4 and m = 6, how it reads, its number in the example
ARITHMETIC: list[tuple[str, Callable[[Any, Any], Any], str, int]] = [
    ("sum", lambda n, m: n + 1 + m, "n+1+m", 11),
    ("difference", lambda n, m: 10 - (n - m), "10-(n-m)", 12),
    ("product", lambda n, m: prod((n, 3, m)), "n*3*m", 72),
    ("quotient", lambda n, m: (n + 1) // 2 * m, "((n+1)//2)*m", 12),
    ("remainder", lambda n, m: -m % n, "(0-m)%n", 2),
    ("extremes", lambda n, m: larger(n, smaller(m, 5)), "max(n,min(m,5))", 5),
    ("nothing left", lambda n, m: (n * m * 8) // (m * n), "8", 8),
    ("the symbol again", lambda n, m: (n * 12 * m) // m // 12, "n", 4),
]


@pytest.mark.parametrize(("make", "text", "number"), [c[1:] for c in ARITHMETIC], ids=[c[0] for c in ARITHMETIC])
def test_arithmetic(make: Callable[[Any, Any], Any], text: str, number: int) -> None:
    n, m = sizes()
    made = make(n, m)
    assert str(made).replace(", ", ",") == text
    assert example(made) == at(made, {"n": 4, "m": 6}) == number
    assert at(made, {"n": 7, "m": 9}) == make(7, 9)


def test_equal_where_equal_everywhere() -> None:
    n, m = sizes()
    assert n + m == m + n
    assert hash(n + m) == hash(m + n)
    assert (2, n) == (2, n * 3 // 3)
    assert n not in (m, 4, n + 1)
    assert n % 2 != 0
    assert n % 2 != 1


def test_questions_are_answered_where_all_sizes_agree() -> None:
    n, m = sizes()
    assert n * 2 > n >= 1
    assert n + m > 1
    for ask in (lambda: n < 20, lambda: n < m, lambda: max(n, m)):
        with pytest.raises(UnsupportedError, match="differs from size to size"):
            ask()


# what takes a fixed number
REFUSED: list[Callable[[Any], Any]] = [
    range,
    float,
    np.zeros,
    lambda n: [0] * n,
    lambda n: n / 2,
    lambda n: np.asarray([n, 1], np.int32),
]


@pytest.mark.parametrize("bake", REFUSED)
def test_no_size_is_baked_in(bake: Callable[[Any], Any]) -> None:
    with pytest.raises(UnsupportedError, match="a fixed number is needed in the place of n"):
        bake(sizes()[0])


def test_arrays_of_numbers() -> None:
    n, _ = sizes()
    assert int_array([1, 2]).dtype == np.int32
    assert int_array([(0, n), (1, 2)]).tolist() == [[0, n], [1, 2]]
    assert not is_fixed((n, 3))
    assert is_fixed((1, 3))


def test_witnesses_keep_to_range_and_conditions() -> None:
    space = Space(lambda numbers: numbers["h"] % 32 == 0)
    height = space.symbol("h", 64, Range(32, 640))
    assert isinstance(height, Size)
    assert all(v % 32 == 0 and 32 <= v <= 640 for v in height.values)
    assert height % 32 == 0
    assert [numbers["h"] for numbers in space.trials()] == [64, 32, 96]
    with pytest.raises(UnsupportedError, match="no other size of odd than the example's"):
        Space(lambda numbers: False).symbol("odd", 3)


def test_trials_tell_symbols_apart() -> None:
    space = Space()
    for name in ("a", "b"):
        space.symbol(name, 4)
    trials = space.trials()
    assert trials[0] == {"a": 4, "b": 4}
    assert all(t["a"] != t["b"] for t in trials[1:])
