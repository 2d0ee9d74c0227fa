"""Tensors out of nothing, or out of what is known about others."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from liteport.backends.keras.emission import Emission, Emitters, open_shape
from liteport.ir import ops
from liteport.ir.graph import Value


def shape(e: Emission, operator: ops.Shape, x: Value) -> Any:
    """An open size is counted."""
    sizes = [_count(e, x, axis) if d is None else np.int32(d) for axis, d in enumerate(open_shape(x.shape))]
    return e.cast(e.run(keras.ops.stack, sizes), operator.out_type) if sizes else np.zeros(0, operator.out_type.numpy)


def _count(e: Emission, x: Value, axis: int) -> Any:
    row = e.run(keras.ops.get_item, e.symbolic(x), tuple(slice(None) if i == axis else 0 for i in range(x.rank)))
    return e.run(keras.ops.sum, e.run(keras.ops.ones_like, row, dtype="int32"))


def rank(e: Emission, _: ops.Rank, x: Value) -> Any:
    return np.int32(x.rank)


def fill(e: Emission, _: ops.Fill, __: Value, value: Value) -> Any:
    return e.broadcast(e.tensor(value), (), e.result.shape)


def zeros_like(e: Emission, _: ops.ZerosLike, x: Value) -> Any:
    return e.run(keras.ops.zeros_like, e.tensor(x))


EMITTERS: Emitters = {
    ops.Fill: fill,
    ops.Rank: rank,
    ops.Shape: shape,
    ops.ZerosLike: zeros_like,
}
