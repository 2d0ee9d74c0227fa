"""Tables as one."""

from __future__ import annotations

import pytest

from liteport.ir.tables import merged


def test_rows_of_all_tables() -> None:
    assert merged([{"a": 1}, {"b": 2}, {}]) == {"a": 1, "b": 2}


def test_a_row_that_stands_twice() -> None:
    with pytest.raises(ValueError, match="two rows for b, c"):
        merged([{"a": 1, "b": 2, "c": 3}, {"c": 4, "b": 5}])
