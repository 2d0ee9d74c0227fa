"""The TensorFlow operation of every operator, by family: one visible table."""

from __future__ import annotations

from collections.abc import Mapping

from liteport.backends.tensorflow.context import Emit, Table
from liteport.backends.tensorflow.ops import (
    activation,
    arithmetic,
    blocks,
    compare,
    control,
    conv,
    create,
    index,
    pool,
    quant,
    recurrent,
    reduce,
    shape,
    stablehlo,
)
from liteport.ir.ops.base import Operator

_FAMILIES = (
    activation,
    arithmetic,
    blocks,
    compare,
    control,
    conv,
    create,
    index,
    pool,
    quant,
    recurrent,
    reduce,
    shape,
    stablehlo,
)


def _merged(*tables: Table) -> Table:
    """All rows as one table. Raises ValueError for an operator that stands in two."""
    merged: dict[type[Operator], Emit] = {}
    for table in tables:
        if twice := merged.keys() & table.keys():
            raise ValueError(f"emitted twice: {', '.join(sorted(each.name for each in twice))}")
        merged |= table
    return merged


EMITTERS: Mapping[type[Operator], Emit] = _merged(*(family.EMITTERS for family in _FAMILIES))
