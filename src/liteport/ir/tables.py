"""Tables of many families as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


def merged(tables: Iterable[Mapping[K, V]]) -> dict[K, V]:
    """All rows of `tables` in one. Raises ValueError where two have a row for the same operator."""
    rows: dict[K, V] = {}
    for table in tables:
        if twice := rows.keys() & table.keys():
            raise ValueError(f"two rows for {', '.join(sorted(map(str, twice)))}")
        rows |= table
    return rows
