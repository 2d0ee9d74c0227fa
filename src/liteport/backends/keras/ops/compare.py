"""Comparisons, logic and selection."""

from __future__ import annotations

from typing import Any

import keras

from liteport.backends.keras.emission import Emission, Emitters
from liteport.backends.keras.ops.arithmetic import plain
from liteport.ir import ops
from liteport.ir.graph import Value


def select(e: Emission, _: ops.Select, condition: Value, yes: Value, no: Value) -> Any:
    """A condition of rank 1 chooses among rows."""
    chosen = e.tensor(condition)
    if condition.rank == 1 and yes.rank > 1:
        chosen = e.reshape(e.symbolic(condition), (condition.shape[0], *[1] * (yes.rank - 1)))
    return e.run(keras.ops.where, chosen, e.tensor(yes), e.tensor(no))


EMITTERS: Emitters = {
    ops.Equal: plain(keras.ops.equal),
    ops.Greater: plain(keras.ops.greater),
    ops.GreaterEqual: plain(keras.ops.greater_equal),
    ops.Less: plain(keras.ops.less),
    ops.LessEqual: plain(keras.ops.less_equal),
    ops.LogicalAnd: plain(keras.ops.logical_and),
    ops.LogicalNot: plain(keras.ops.logical_not),
    ops.LogicalOr: plain(keras.ops.logical_or),
    ops.NotEqual: plain(keras.ops.not_equal),
    ops.Select: select,
    ops.SelectV2: plain(keras.ops.where),
}
