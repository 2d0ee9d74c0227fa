"""What users say of dynamic dimensions."""

from __future__ import annotations

import pytest

from liteport.errors import UsageError
from liteport.ir.dynamic import Dimension, parse

# the text, the dimensions that it names
TEXTS = [
    ("batch", [Dimension(None, None, "batch")]),
    ("batch:1..16", [Dimension(None, None, "batch", 1, 16)]),
    ("ids:1=sequence:8..", [Dimension("ids", 1, "sequence", 8)]),
    ("x:2=height:32..640/32", [Dimension("x", 2, "height", 32, 640, 32)]),
    ("width/8", [Dimension(None, None, "width", step=8)]),
    ("0=batch, x:2=height", [Dimension(None, 0, "batch"), Dimension("x", 2, "height")]),
]


@pytest.mark.parametrize(("text", "dimensions"), TEXTS, ids=[t[0] for t in TEXTS])
def test_parse(text: str, dimensions: list[Dimension]) -> None:
    assert parse(text) == dimensions


def test_what_is_no_dimension_is_refused() -> None:
    with pytest.raises(UsageError, match="is not a dimension such as batch"):
        parse("x=3")
