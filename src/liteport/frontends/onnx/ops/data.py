"""Operators whose results have as many elements as the data say."""

from __future__ import annotations

import numpy as np

from liteport.frontends.onnx.context import OnnxBuilder, Table, axis_of
from liteport.ir.graph import Value
from liteport.lowering import basic, indexing
from liteport.lowering.operands import convert, wide


def nonzero(b: OnnxBuilder, x: Value) -> Value:
    """NonZero(X): where they stand, a row for each dimension."""
    hint = b.hint(0)
    line = convert(b, basic.reshape(b, x, x.shape or (1,)), wide(x.dtype))
    places = indexing.places(b, line, hint.shape[1] if hint else b.open_size())
    return basic.transpose(b, places, [1, 0])


def compress(b: OnnxBuilder, x: Value, condition: Value, *, axis: int | None = None) -> Value:
    """Compress(input, condition, axis): of a flattened input without an axis; the condition may be shorter."""
    if axis is None:
        x, axis = basic.reshape(b, x, (x.type.size,)), 0
    at = axis_of(axis, x.rank)
    if condition.data is not None:
        return basic.gather(b, x, np.flatnonzero(condition.data).tolist(), at)
    hint = b.hint(0)
    count = hint.shape[at] if hint else b.open_size()
    part = basic.narrow(b, x, at, 0, condition.shape[0])
    return indexing.choose(b, part, at, condition, count)


LOWERINGS: Table = {
    ("", "NonZero"): nonzero,
    ("", "Compress"): compress,
}
