"""Every lowering of an ONNX operator, by domain and name: the families' tables, merged."""

from __future__ import annotations

from collections.abc import Iterable

from liteport.frontends.onnx.context import Table
from liteport.frontends.onnx.ops import (
    activation,
    attention,
    compare,
    contrib,
    control,
    conv,
    create,
    data,
    detection,
    elementwise,
    grid,
    grouped,
    index,
    matmul,
    norm,
    pool,
    quantize,
    quantized,
    recurrent,
    reduce,
    resize,
    sequence,
    shape,
    signal,
    text,
    unary,
    unique,
)

FAMILIES = (
    activation,
    attention,
    compare,
    control,
    contrib,
    conv,
    create,
    data,
    detection,
    elementwise,
    grid,
    grouped,
    index,
    matmul,
    norm,
    pool,
    quantize,
    quantized,
    recurrent,
    reduce,
    resize,
    sequence,
    shape,
    signal,
    text,
    unary,
    unique,
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
LOWERINGS |= {("", name): quantize.as_stored(LOWERINGS["", name]) for name in quantize.MOVES if ("", name) in LOWERINGS}
