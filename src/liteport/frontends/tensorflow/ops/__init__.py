"""Operators that TensorFlow's converter has no builtin for, or a wrong one, in those that it has one for."""

from __future__ import annotations

from liteport.frontends.tensorflow.ops import (
    blocks,
    count,
    elementwise,
    image,
    move,
    norm,
    pool,
    quantize,
    reduce,
    window,
)
from liteport.frontends.tensorflow.ops._common import Table
from liteport.ir.tables import merged

FAMILIES = (blocks, count, elementwise, image, move, norm, pool, quantize, reduce, window)

WRITTEN_OUT: Table = merged(family.WRITTEN_OUT for family in FAMILIES)
