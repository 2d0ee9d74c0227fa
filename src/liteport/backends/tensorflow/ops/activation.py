"""Activations, and the norms along the last axis."""

from __future__ import annotations

import tensorflow as tf

from liteport.backends.tensorflow.context import Context, Table, Tensor
from liteport.ir import ops


def leaky_relu(c: Context, x: Tensor) -> Tensor:
    return tf.nn.leaky_relu(x, c.operator.alpha)


def prelu(c: Context, x: Tensor, slope: Tensor) -> Tensor:
    """The form that TensorFlow's converter knows PRELU by."""
    return tf.nn.relu(x) + -slope * tf.nn.relu(-x)


def gelu(c: Context, x: Tensor) -> Tensor:
    return tf.nn.gelu(x, approximate=c.operator.approximate)


def hard_swish(c: Context, x: Tensor) -> Tensor:
    """The form that TensorFlow's converter knows HARD_SWISH by."""
    return x * tf.nn.relu6(x + 3.0) * (1 / 6)


def softmax(c: Context, x: Tensor) -> Tensor:
    return tf.nn.softmax(x if c.operator.beta == 1 else x * c.operator.beta)


def l2_normalization(c: Context, x: Tensor) -> Tensor:
    return c.activated(tf.math.l2_normalize(x, axis=-1, epsilon=1e-6))


def local_response_normalization(c: Context, x: Tensor) -> Tensor:
    o = c.operator
    return tf.nn.local_response_normalization(x, depth_radius=o.radius, bias=o.bias, alpha=o.alpha, beta=o.beta)


EMITTERS: Table = {
    ops.Relu: lambda c, x: tf.nn.relu(x),
    ops.Relu6: lambda c, x: tf.nn.relu6(x),
    ops.ReluN1To1: lambda c, x: tf.clip_by_value(x, -1, 1),
    ops.Relu0To1: lambda c, x: tf.clip_by_value(x, 0, 1),
    ops.LeakyRelu: leaky_relu,
    ops.Prelu: prelu,
    ops.Elu: lambda c, x: tf.nn.elu(x),
    ops.Gelu: gelu,
    ops.HardSwish: hard_swish,
    ops.Logistic: lambda c, x: tf.sigmoid(x),
    ops.Tanh: lambda c, x: tf.tanh(x),
    ops.Softmax: softmax,
    ops.LogSoftmax: lambda c, x: tf.nn.log_softmax(x),
    ops.L2Normalization: l2_normalization,
    ops.LocalResponseNormalization: local_response_normalization,
}
