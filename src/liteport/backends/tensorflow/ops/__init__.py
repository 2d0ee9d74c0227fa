"""The TensorFlow operation of every operator, by family: one visible table."""

from __future__ import annotations

from liteport.backends.tensorflow.context import Table
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
from liteport.ir.tables import merged

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

EMITTERS: Table = merged(family.EMITTERS for family in _FAMILIES)
