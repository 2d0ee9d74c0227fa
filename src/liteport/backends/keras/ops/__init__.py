"""What each operator is in Keras: the tables of all families."""

from __future__ import annotations

from liteport.backends.keras.emission import Emitters
from liteport.backends.keras.ops import (
    activation,
    arithmetic,
    blocks,
    compare,
    conv,
    create,
    index,
    pool,
    reduce,
    shape,
)
from liteport.ir.tables import merged

FAMILIES = (activation, arithmetic, blocks, compare, conv, create, index, pool, reduce, shape)

EMITTERS: Emitters = merged(family.EMITTERS for family in FAMILIES)
