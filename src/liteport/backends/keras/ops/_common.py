"""What emitters of several families share."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from liteport.backends.keras.emission import Emission, open_shape
from liteport.ir import ops
from liteport.ir.graph import Op, Value
from liteport.ir.types import Shape


def ints(e: Emission, value: Value, what: str) -> list[int]:
    """The numbers of a constant operand. Raises UnsupportedError where they are computed."""
    if not value.is_const or value.has_sizes:
        raise e.refuse(f"computes {what} while it runs")
    return [int(n) for n in value.array.reshape(-1)]


def integer(e: Emission, value: Value, what: str) -> int:
    """The number of a constant operand of one element; errors as in `ints`."""
    (number,) = ints(e, value, what)
    return number


def fixed(e: Emission, shape: Shape, what: str) -> Shape:
    """The shape. Raises UnsupportedError where a size is open."""
    if None in open_shape(shape):
        raise e.refuse(f"{what} a tensor of open size")
    return shape


def embedding(e: Emission, table: Value, x: Any) -> Any:
    """The layer of a table of weights, for `x`: one that works both ways where a linear layer has the same weights."""
    rows = np.ascontiguousarray(table.array).reshape(table.shape[0], -1)
    kind = keras.layers.ReversibleEmbedding if is_tied(table) else keras.layers.Embedding
    return e.made(kind, x, rows, of=(table,), input_dim=rows.shape[0], output_dim=rows.shape[1])


def is_tied(table: Value) -> bool:
    """Whether rows are looked up in the weights of a linear layer, as in language models."""
    looked_up = any(is_lookup(op) and op.operand(op.operator.main) is table for op in table.users)
    return looked_up and any(
        isinstance(op.operator, ops.FullyConnected) and op.operand(1) is table for op in table.users
    )


def is_lookup(op: Op) -> bool:
    """Whether the operation takes rows, one after the other, of a constant table of real numbers."""
    operator, table = op.operator, op.operand(op.operator.main)
    if isinstance(operator, ops.Gather) and (operator.axis % max(1, table.rank) or operator.batch_dims):
        return False
    rows = isinstance(operator, ops.Gather | ops.EmbeddingLookup)
    return rows and table.is_const and table.dtype.is_float and table.rank > 1
