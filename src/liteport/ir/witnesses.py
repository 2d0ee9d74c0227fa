"""Numbers for symbols that keep what is demanded of them, beyond those of the example.

What is demanded is often that sizes are multiples of something: where numbers of any kind do not do, multiples of what
divides the example's are tried, and of the example's at last.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

WITNESSES = 12
_SMALL = 12  # half of them lie so near the lower end
_DRAWS = 500  # among which a number is searched
_ATTEMPTS = 8  # to find numbers for several symbols that go together
_SPAN = 4000  # how far those of an unlimited symbol lie apart

Assignment = Mapping[str, int]
"""A number for each of some symbols, by name."""

Allows = Callable[[Assignment], bool]


@dataclass(frozen=True)
class Range:
    """From `low` to `high`, both included; None: without limit."""

    low: int = 1
    high: int | None = None

    @property
    def top(self) -> int:
        """The largest witness."""
        return self.low + _SPAN if self.high is None else self.high

    def __contains__(self, number: int) -> bool:
        return self.low <= number and (self.high is None or number <= self.high)


Declared = Mapping[str, tuple[int, Range]]
"""By name, what symbols are in the example, and their ranges."""


def witness(place: int, wanted: Declared, others: Assignment, allows: Allows) -> Assignment | None:
    """Numbers for `wanted` that go with `others`: small ones in the first half of the places, then any."""
    for units in _units(wanted):
        for attempt in range(_ATTEMPTS):
            numbers = dict(others)
            for name, (_, limits) in wanted.items():
                drawn = _multiples(_draw(name, limits, place, attempt), units[name], limits)
                if (number := next((n for n in drawn if allows({**numbers, name: n})), None)) is None:
                    break
                numbers[name] = number
            else:
                return numbers
    return None


def near(targets: Assignment, wanted: Declared, allows: Allows) -> Assignment | None:
    """For each symbol the allowed number next to its target."""
    for units in _units(wanted):
        numbers: dict[str, int] = {}
        for name, (_, limits) in wanted.items():
            around = (targets[name] + sign * step for step in range(_SPAN) for sign in (1, -1))
            found = (n for n in around if n > 0 and n in limits and n % units[name] == 0)
            if (number := next((n for n in found if allows({**numbers, name: n})), None)) is None:
                break
            numbers[name] = number
        else:
            return numbers
    return None


def _units(wanted: Declared) -> Iterator[Mapping[str, int]]:
    """What numbers are to be multiples of: 1, then powers of 2 as far as they divide the example's, then these."""
    yield dict.fromkeys(wanted, 1)
    unit = 2
    while divided := [name for name, (example, _) in wanted.items() if example and example % unit == 0]:
        yield {name: unit if name in divided else 1 for name in wanted}
        unit *= 2
    yield {name: max(example, 1) for name, (example, _) in wanted.items()}


def _multiples(numbers: Iterator[int], unit: int, limits: Range) -> Iterator[int]:
    raised = (-(-n // unit) * unit for n in numbers)
    return (n for n in raised if n in limits)


def _draw(name: str, limits: Range, place: int, attempt: int) -> Iterator[int]:
    """Numbers to try: small ones in the first half of the places, then any, and at the last place the largest."""
    rng = random.Random(f"{name} {place} {attempt}")
    if place == WITNESSES - 1 and not attempt:
        yield limits.top
    if limits.low < 0:
        yield from _draw_signed(rng, limits, place)
        return
    if place < WITNESSES // 2:
        first = limits.low + attempt + (place if place < 2 else rng.randrange(_SMALL))
        yield from range(first, min(first + _DRAWS, limits.top + 1))
    yield from (rng.randint(limits.low, limits.top) for _ in range(_DRAWS))


def _draw_signed(rng: random.Random, limits: Range, place: int) -> Iterator[int]:
    """Numbers that may be negative to try: some as small as short dimensions, then any, and once the smallest."""
    if place == WITNESSES - 2:
        yield limits.low
    close = Range(max(limits.low, -_SMALL // 2), min(limits.top, _SMALL // 2))
    span = close if place < WITNESSES // 2 and close.low <= close.top else limits
    yield from (rng.randint(span.low, span.top) for _ in range(_DRAWS))
