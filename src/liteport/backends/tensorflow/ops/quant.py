"""Quantisation. Emitters see real numbers: the walk makes them of integers with a scale, and integers of them again."""

from __future__ import annotations

import tensorflow as tf

from liteport.backends.tensorflow.context import Context, Table, Tensor
from liteport.ir import ops


def quantize(c: Context, x: Tensor) -> Tensor:
    return tf.identity(x)


def dequantize(c: Context, x: Tensor) -> Tensor:
    return tf.cast(x, tf.float32)


def fake_quant(c: Context, x: Tensor) -> Tensor:
    o = c.operator
    return tf.quantization.fake_quant_with_min_max_args(x, o.min, o.max, o.num_bits, o.narrow_range)


def densify(c: Context, x: Tensor) -> Tensor:
    raise c.unsupported("reads a sparse constant: convert the dense model")


EMITTERS: Table = {
    ops.Quantize: quantize,
    ops.Dequantize: dequantize,
    ops.FakeQuant: fake_quant,
    ops.Densify: densify,
}
