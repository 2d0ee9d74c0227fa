"""Every lowering of an ATen operator, by its overload: the families' tables, merged."""

from __future__ import annotations

from collections.abc import Iterable

from liteport.frontends.torch.context import Table
from liteport.frontends.torch.ops import (
    activation,
    attention,
    block,
    compare,
    control,
    conv,
    convert,
    count,
    create,
    detection,
    elementwise,
    embedding,
    grid,
    index,
    join,
    matmul,
    norm,
    numbers,
    pad,
    pixel,
    pool,
    recurrent,
    reduce,
    resize,
    scatter,
    shape,
    slicing,
    softmax,
    sort,
    special,
    unary,
)

FAMILIES = (
    activation,
    attention,
    block,
    compare,
    control,
    conv,
    convert,
    count,
    create,
    detection,
    elementwise,
    embedding,
    grid,
    index,
    join,
    matmul,
    norm,
    numbers,
    pad,
    pixel,
    pool,
    recurrent,
    reduce,
    resize,
    scatter,
    shape,
    slicing,
    softmax,
    special,
    sort,
    unary,
)


def merge(tables: Iterable[Table]) -> Table:
    """One table of all. Raises ValueError where two have a row for the same operator."""
    merged: Table = {}
    for table in tables:
        twice = merged.keys() & table.keys()
        if twice:
            raise ValueError(f"lowered twice: {', '.join(map(str, twice))}")
        merged |= table
    return merged


LOWERINGS: Table = merge(family.LOWERINGS for family in FAMILIES)
