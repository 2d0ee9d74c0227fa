"""Numbers rounded to few, as quantisation does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from liteport.formats.tensorflow.runtime import tensorflow
from liteport.frontends.tensorflow.ops._common import Body, Table

_OF_KERNELS = 8
"""The bits that the converter takes every operator for."""


def fake_quantized(operation: Any, inputs: Sequence[Any]) -> Body | None:
    """FakeQuantWithMinMaxVars(inputs, min, max; num_bits, narrow_range), or ...Args, whose limits are attributes."""
    tf, bits = tensorflow(), operation.get_attr("num_bits")
    if bits == _OF_KERNELS:
        return None
    first, last = int(operation.get_attr("narrow_range")), 2**bits - 1
    given = [] if len(inputs) > 1 else [operation.get_attr("min"), operation.get_attr("max")]

    def body(x: Any, *limits: Any) -> Any:
        low, high = limits or map(tf.constant, given)
        step = (high - low) / (last - first)
        zero = tf.clip_by_value(tf.floor(first - low / step + 0.5), first, last)
        low, high = (first - zero) * step, (last - zero) * step
        inside = tf.minimum(tf.maximum(x, low), high)
        return tf.floor((inside - low) * (1 / step) + 0.5) * step + low

    return body


WRITTEN_OUT: Table = {"FakeQuantWithMinMaxArgs": fake_quantized, "FakeQuantWithMinMaxVars": fake_quantized}
