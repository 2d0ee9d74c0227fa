"""Arithmetic, rounding, bits and casts: elementwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from liteport.backends.keras.emission import Emission, Emit, Emitters
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType


def plain(function: Callable[..., Any]) -> Emit:
    """A function of keras.ops of as many inputs as the operator has."""
    return lambda e, _, *inputs: e.run(function, *map(e.tensor, inputs))


def activated(function: Callable[..., Any]) -> Emit:
    """One that ends in the activation of the operator."""

    def emit(e: Emission, operator: Any, x: Value, y: Value) -> Any:
        return e.activate(e.run(function, e.tensor(x), e.tensor(y)), operator.activation)

    return emit


def div(e: Emission, operator: ops.Div, x: Value, y: Value) -> Any:
    """Quotients of integers are cut towards zero."""
    if x.dtype.is_float:
        return activated(keras.ops.divide)(e, operator, x, y)
    values = e.tensor(x), e.tensor(y)
    size = e.run(keras.ops.floor_divide, *(e.run(keras.ops.absolute, v) for v in values))
    sign = e.run(keras.ops.multiply, *(e.run(keras.ops.sign, v) for v in values))
    return e.activate(e.run(keras.ops.multiply, size, sign), operator.activation)


def squared_difference(e: Emission, _: ops.SquaredDifference, x: Value, y: Value) -> Any:
    return e.run(keras.ops.square, e.run(keras.ops.subtract, e.tensor(x), e.tensor(y)))


def add_n(e: Emission, _: ops.AddN, *inputs: Value) -> Any:
    total = e.tensor(inputs[0])
    for x in inputs[1:]:
        total = e.run(keras.ops.add, total, e.tensor(x))
    return total


def cast(e: Emission, operator: ops.Cast, x: Value) -> Any:
    return e.cast(e.tensor(x), operator.to)


def bitcast(e: Emission, operator: ops.Bitcast, x: Value) -> Any:
    """Bytes as a type of the same width. Raises UnsupportedError for others, of which complex numbers are some."""
    if x.dtype.bits != operator.to.bits:
        raise e.refuse(f"takes {x.type} apart")
    return e.run(keras.ops.view, e.tensor(x), dtype=operator.to.numpy.name)


def dequantize(e: Emission, _: ops.Dequantize, x: Value) -> Any:
    """Weights of float16 as float32. Raises UnsupportedError for integers."""
    if x.dtype is not DType.FLOAT16:
        raise e.refuse(f"reads quantised numbers ({x.type})")
    return e.cast(e.tensor(x), DType.FLOAT32)


EMITTERS: Emitters = {
    ops.Abs: plain(keras.ops.absolute),
    ops.Add: activated(keras.ops.add),
    ops.AddN: add_n,
    ops.Atan2: plain(keras.ops.arctan2),
    ops.Bitcast: bitcast,
    ops.BitwiseXor: plain(keras.ops.bitwise_xor),
    ops.Cast: cast,
    ops.Ceil: plain(keras.ops.ceil),
    ops.Cos: plain(keras.ops.cos),
    ops.Dequantize: dequantize,
    ops.Div: div,
    ops.Exp: plain(keras.ops.exp),
    ops.Floor: plain(keras.ops.floor),
    ops.FloorDiv: plain(keras.ops.floor_divide),
    ops.FloorMod: plain(keras.ops.mod),
    ops.Log: plain(keras.ops.log),
    ops.Maximum: plain(keras.ops.maximum),
    ops.Minimum: plain(keras.ops.minimum),
    ops.Mul: activated(keras.ops.multiply),
    ops.Neg: plain(keras.ops.negative),
    ops.Pow: plain(keras.ops.power),
    ops.RightShift: plain(keras.ops.right_shift),
    ops.Round: plain(keras.ops.round),
    ops.Rsqrt: plain(keras.ops.rsqrt),
    ops.Sign: plain(keras.ops.sign),
    ops.Sin: plain(keras.ops.sin),
    ops.Sqrt: plain(keras.ops.sqrt),
    ops.Square: plain(keras.ops.square),
    ops.SquaredDifference: squared_difference,
    ops.StablehloAdd: plain(keras.ops.add),
    ops.StablehloMaximum: plain(keras.ops.maximum),
    ops.StablehloMinimum: plain(keras.ops.minimum),
    ops.StablehloMultiply: plain(keras.ops.multiply),
    ops.StablehloShiftLeft: plain(keras.ops.left_shift),
    ops.Sub: activated(keras.ops.subtract),
}
