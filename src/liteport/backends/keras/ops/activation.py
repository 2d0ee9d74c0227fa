"""Activations, and the norms along the last axis."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from liteport.backends.keras.emission import Emission, Emit, Emitters
from liteport.ir import ops
from liteport.ir.graph import Value


def relu(most: float | None = None) -> Emit:
    return lambda e, _, x: e.layer(keras.layers.ReLU, e.symbolic(x), max_value=most)


def named(name: str) -> Emit:
    """A layer of one of Keras's activations."""
    return lambda e, _, x: e.layer(keras.layers.Activation, e.symbolic(x), activation=name)


def leaky_relu(e: Emission, operator: ops.LeakyRelu, x: Value) -> Any:
    if operator.alpha < 0:
        return _prelu(e, e.symbolic(x), operator.alpha)
    return e.layer(keras.layers.LeakyReLU, e.symbolic(x), negative_slope=operator.alpha)


def prelu(e: Emission, _: ops.Prelu, x: Value, slope: Value) -> Any:
    """A PReLU, whose slopes are weights, shared along the axes where there is one for all."""
    whole = slope.array.reshape((1,) * (x.rank - slope.rank) + slope.shape) if slope.is_const else None
    if whole is None or whole.ndim < 2 or whole.shape[0] != 1:
        return _prelu(e, e.symbolic(x), e.tensor(slope))
    shared = [axis for axis in range(1, x.rank) if whole.shape[axis] == 1]
    return e.layer(keras.layers.PReLU, e.symbolic(x), whole[0], of=(slope,), shared_axes=shared or None)


def _prelu(e: Emission, x: Any, slope: Any) -> Any:
    below = e.run(keras.ops.relu, e.run(keras.ops.negative, x))
    return e.run(keras.ops.subtract, e.run(keras.ops.relu, x), e.run(keras.ops.multiply, below, slope))


def gelu(e: Emission, operator: ops.Gelu, x: Value) -> Any:
    return e.run(keras.ops.gelu, e.tensor(x), approximate=operator.approximate)


def softmax(e: Emission, operator: ops.Softmax, x: Value) -> Any:
    scaled = e.symbolic(x) if operator.beta == 1 else e.run(keras.ops.multiply, e.symbolic(x), operator.beta)
    return e.layer(keras.layers.Softmax, scaled)


def log_softmax(e: Emission, _: ops.LogSoftmax, x: Value) -> Any:
    return e.run(keras.ops.log_softmax, e.tensor(x), axis=-1)


def l2_normalization(e: Emission, operator: ops.L2Normalization, x: Value) -> Any:
    total = e.run(keras.ops.sum, e.run(keras.ops.square, e.tensor(x)), axis=-1, keepdims=True)
    scale = e.run(keras.ops.rsqrt, e.run(keras.ops.maximum, total, 1e-6))
    return e.activate(e.run(keras.ops.multiply, e.tensor(x), scale), operator.activation)


def local_response_normalization(e: Emission, operator: ops.LocalResponseNormalization, x: Value) -> Any:
    """The sums over neighbours are a product with a band matrix."""
    channels = np.arange(x.shape[-1])
    band = (abs(channels[:, None] - channels) <= operator.radius).astype(np.float32) * np.float32(operator.alpha)
    sums = e.run(keras.ops.matmul, e.run(keras.ops.square, e.tensor(x)), e.fixed(band))
    scale = e.run(keras.ops.power, e.run(keras.ops.add, sums, operator.bias), -operator.beta)
    return e.run(keras.ops.multiply, e.tensor(x), scale)


EMITTERS: Emitters = {
    ops.Elu: named("elu"),
    ops.Gelu: gelu,
    ops.HardSwish: named("hard_silu"),
    ops.L2Normalization: l2_normalization,
    ops.LeakyRelu: leaky_relu,
    ops.LocalResponseNormalization: local_response_normalization,
    ops.LogSoftmax: log_softmax,
    ops.Logistic: named("sigmoid"),
    ops.Prelu: prelu,
    ops.Relu: relu(),
    ops.Relu0To1: relu(1.0),
    ops.Relu6: relu(6.0),
    ops.ReluN1To1: named("hard_tanh"),
    ops.Softmax: softmax,
    ops.Tanh: named("tanh"),
}
