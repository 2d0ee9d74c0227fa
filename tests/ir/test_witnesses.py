"""Numbers for symbols that keep what is demanded of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from liteport.ir.witnesses import WITNESSES, Assignment, Range, near, witness

LIMITS = Range(2)
IMAGE = {"height": (224, LIMITS), "width": (96, LIMITS)}


def _product_of_windows(size: int) -> Callable[[Assignment], bool]:
    """What a partition into windows demands: nothing of a dimension by itself, but of both together."""
    return lambda n: len(n) < 2 or n["height"] * n["width"] == size**2 * (n["height"] // size) * (n["width"] // size)


# what is demanded of height and width, and the allowed numbers next to 30 and 50
DEMANDS: list[tuple[str, Callable[[Assignment], bool], Assignment]] = [
    ("nothing", lambda n: True, {"height": 30, "width": 50}),
    ("even numbers", lambda n: all(v % 2 == 0 for v in n.values()), {"height": 30, "width": 50}),
    ("windows of 8", _product_of_windows(8), {"height": 32, "width": 48}),
    ("windows of 32", _product_of_windows(32), {"height": 32, "width": 64}),
    ("a square", lambda n: len(n) < 2 or n["height"] == n["width"], {"height": 30, "width": 30}),
]


@pytest.mark.parametrize(("allows", "closest"), [d[1:] for d in DEMANDS], ids=[d[0] for d in DEMANDS])
def test_demands(allows: Callable[[Assignment], bool], closest: Assignment) -> None:
    found = [witness(place, IMAGE, {}, allows) for place in range(WITNESSES)]
    assert all(numbers is not None and allows(numbers) and min(numbers.values()) >= 2 for numbers in found)
    assert len({tuple((numbers or {}).items()) for numbers in found}) > WITNESSES // 2
    assert near({"height": 30, "width": 50}, IMAGE, allows) == closest


def test_nothing_is_allowed() -> None:
    assert witness(0, IMAGE, {}, lambda n: False) is None
    assert near({"height": 30, "width": 50}, IMAGE, lambda n: False) is None
