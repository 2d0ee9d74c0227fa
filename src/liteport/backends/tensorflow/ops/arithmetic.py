"""Arithmetic, rounding, bits, complex numbers and casts."""

from __future__ import annotations

from itertools import groupby

import tensorflow as tf

from liteport.backends.tensorflow.context import Context, Emit, Table, Tensor, type_of
from liteport.ir import ops
from liteport.ir.types import DType, Shape


def unary(function: Emit) -> Emit:
    return lambda c, x: function(x)


def binary(function: Emit) -> Emit:
    return lambda c, x, y: function(*whole(c, x, y))


def activated(function: Emit) -> Emit:
    """The emitter of a binary operator with an activation."""
    return lambda c, x, y: c.activated(function(*whole(c, x, y)))


def whole(c: Context, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The operands, in the result's shape where they broadcast over more dimensions than TensorFlow's kernels can."""
    left, right = c.op.operand(0).shape, c.op.operand(1).shape
    rank = len(c.op.output.shape)
    pairs = zip((1,) * (rank - len(left)) + left, (1,) * (rank - len(right)) + right, strict=True)
    runs = [key for key, _ in groupby((a == 1, b == 1) for a, b in pairs if (a, b) != (1, 1))]
    if len(runs) <= _RUNS:
        return x, y
    shape = tf.broadcast_dynamic_shape(tf.shape(x), tf.shape(y))

    def tiled(x: Tensor, own: Shape) -> Tensor:
        x = tf.reshape(x, tf.concat([[1] * (rank - len(own)), tf.shape(x)], 0))
        return tf.tile(x, shape // tf.maximum(tf.shape(x), 1))

    return tiled(x, left), tiled(y, right)


# As many runs of neighbouring dimensions that broadcast alike.
_RUNS = 5


def div(c: Context, x: Tensor, y: Tensor) -> Tensor:
    """Integers divide toward zero."""
    x, y = whole(c, x, y)
    return c.activated(tf.truncatediv(x, y) if c.op.input.dtype.is_int else tf.divide(x, y))


def add_n(c: Context, *values: Tensor) -> Tensor:
    return tf.add_n(list(values))


def cast(c: Context, x: Tensor) -> Tensor:
    return tf.cast(x, type_of(c.operator.to))


def bitcast(c: Context, x: Tensor) -> Tensor:
    """A bool is a byte."""
    x = tf.cast(x, tf.uint8) if c.op.input.dtype is DType.BOOL else x
    if c.operator.to is DType.BOOL:
        return tf.cast(tf.bitcast(x, tf.uint8), tf.bool)
    return tf.bitcast(x, type_of(c.operator.to))


EMITTERS: Table = {
    ops.Add: activated(tf.add),
    ops.Sub: activated(tf.subtract),
    ops.Mul: activated(tf.multiply),
    ops.Div: div,
    ops.FloorDiv: binary(tf.math.floordiv),
    ops.FloorMod: binary(tf.math.floormod),
    ops.Pow: binary(tf.pow),
    ops.SquaredDifference: binary(tf.math.squared_difference),
    ops.Maximum: binary(tf.maximum),
    ops.Minimum: binary(tf.minimum),
    ops.Atan2: binary(tf.atan2),
    ops.BitwiseXor: binary(tf.bitwise.bitwise_xor),
    ops.RightShift: binary(tf.bitwise.right_shift),
    ops.AddN: add_n,
    ops.Abs: unary(tf.abs),
    ops.Neg: unary(tf.negative),
    ops.Sign: unary(tf.sign),
    ops.Ceil: unary(tf.math.ceil),
    ops.Floor: unary(tf.floor),
    ops.Round: unary(tf.round),
    ops.Exp: unary(tf.exp),
    ops.Log: unary(tf.math.log),
    ops.Sqrt: unary(tf.sqrt),
    ops.Rsqrt: unary(tf.math.rsqrt),
    ops.Square: unary(tf.square),
    ops.Sin: unary(tf.sin),
    ops.Cos: unary(tf.cos),
    ops.Erf: unary(tf.math.erf),
    ops.Cast: cast,
    ops.Bitcast: bitcast,
    ops.Real: unary(tf.math.real),
    ops.Imag: unary(tf.math.imag),
    ops.ComplexAbs: unary(tf.abs),
}
