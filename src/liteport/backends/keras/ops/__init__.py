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

FAMILIES = (activation, arithmetic, blocks, compare, conv, create, index, pool, reduce, shape)

EMITTERS: Emitters = {operator: emit for family in FAMILIES for operator, emit in family.EMITTERS.items()}

if len(EMITTERS) != sum(len(family.EMITTERS) for family in FAMILIES):
    raise ValueError("an operator stands in two tables")
