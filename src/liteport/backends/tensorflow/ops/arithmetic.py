"""Arithmetic, rounding, bits, complex numbers and casts."""

from __future__ import annotations

import tensorflow as tf

from liteport.backends.tensorflow.context import Context, Emit, Table, Tensor, type_of
from liteport.ir import ops


def unary(function: Emit) -> Emit:
    return lambda c, x: function(x)


def binary(function: Emit) -> Emit:
    return lambda c, x, y: function(x, y)


def activated(function: Emit) -> Emit:
    """The emitter of a binary operator with an activation."""
    return lambda c, x, y: c.activated(function(x, y))


def div(c: Context, x: Tensor, y: Tensor) -> Tensor:
    """Integers divide toward zero."""
    return c.activated(tf.truncatediv(x, y) if c.op.input.dtype.is_int else tf.divide(x, y))


def add_n(c: Context, *values: Tensor) -> Tensor:
    return tf.add_n(list(values))


def cast(c: Context, x: Tensor) -> Tensor:
    return tf.cast(x, type_of(c.operator.to))


def bitcast(c: Context, x: Tensor) -> Tensor:
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
