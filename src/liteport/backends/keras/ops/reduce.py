"""Reductions, and the searches and scans along an axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from liteport.backends.keras.emission import CHANNELS_LAST, Emission, Emit, Emitters
from liteport.backends.keras.ops._common import integer, ints
from liteport.ir import ops
from liteport.ir.graph import Value


def over(function: Callable[..., Any]) -> Emit:
    """A reduction over constant axes."""

    def emit(e: Emission, operator: ops.Reduction, x: Value, axes: Value) -> Any:
        return e.run(function, e.tensor(x), axis=_axes(e, x, axes), keepdims=operator.keep_dims)

    return emit


def mean(e: Emission, operator: ops.Mean, x: Value, axes: Value) -> Any:
    """The mean of whole maps is a layer."""
    if x.rank == 4 and x.dtype.is_float and set(_axes(e, x, axes)) == {1, 2}:
        return e.layer(keras.layers.GlobalAveragePooling2D, e.symbolic(x), keepdims=operator.keep_dims, **CHANNELS_LAST)
    return over(keras.ops.mean)(e, operator, x, axes)


def _axes(e: Emission, x: Value, axes: Value) -> tuple[int, ...]:
    return tuple(sorted({axis % x.rank for axis in ints(e, axes, "its axes")})) if x.rank else ()


def place_of(function: Callable[..., Any]) -> Emit:
    """The index of an extreme."""
    return lambda e, _, x, axis: e.run(function, e.tensor(x), axis=integer(e, axis, "its axis"))


def top_k(e: Emission, _: ops.TopkV2, x: Value, count: Value) -> Any:
    return e.run(keras.ops.top_k, e.tensor(x), integer(e, count, "its count"))


def cumsum(e: Emission, operator: ops.Cumsum, x: Value, axis: Value) -> Any:
    """Sums that leave their own element out are those before it, behind a zero."""
    along = integer(e, axis, "its axis") % x.rank
    start = e.run(keras.ops.flip, e.tensor(x), axis=along) if operator.reverse else e.tensor(x)
    total = e.run(keras.ops.cumsum, start, axis=along)
    if operator.exclusive:
        before = [(0, 0)] * along + [(1, 0)] + [(0, 0)] * (x.rank - along - 1)
        but_last = (*[slice(None)] * along, slice(0, -1))
        total = e.run(keras.ops.get_item, e.run(keras.ops.pad, total, tuple(before)), but_last)
    return e.run(keras.ops.flip, total, axis=along) if operator.reverse else total


EMITTERS: Emitters = {
    ops.ArgMax: place_of(keras.ops.argmax),
    ops.ArgMin: place_of(keras.ops.argmin),
    ops.Cumsum: cumsum,
    ops.Mean: mean,
    ops.ReduceAll: over(keras.ops.all),
    ops.ReduceAny: over(keras.ops.any),
    ops.ReduceMax: over(keras.ops.max),
    ops.ReduceMin: over(keras.ops.min),
    ops.ReduceProd: over(keras.ops.prod),
    ops.Sum: over(keras.ops.sum),
    ops.TopkV2: top_k,
}
