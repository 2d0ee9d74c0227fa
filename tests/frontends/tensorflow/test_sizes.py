"""Sizes that stay open: verified at several, and shapes that the graph computes are constants of Sizes."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import liteport
from liteport.errors import UnsupportedError
from tests.frontends.tensorflow.test_convert import network

L = keras.layers


def shape(model: liteport.LiteModel) -> tuple[Any, ...]:
    (signature,) = model.inspect().signatures
    return signature.inputs[0].shape


def test_the_batch() -> None:
    model = liteport.convert(network(), dynamic="batch", verify=4)
    assert shape(model) == ("batch", 8, 8, 3)
    assert [op.name for op in model.module.graphs[0].ops] == [
        *("CONV_2D", "DEPTHWISE_CONV_2D", "RESHAPE", "FULLY_CONNECTED", "SOFTMAX"),
    ]
    assert not model.notes


def test_height_and_width() -> None:
    layers = [L.Conv2D(4, 3, 2, padding="same"), L.UpSampling2D(2), L.Conv2DTranspose(3, 3, 2, padding="same")]
    net = keras.Sequential([keras.Input((None, None, 3), name="image"), *layers, L.GlobalAveragePooling2D()])
    example = np.zeros((1, 16, 24, 3), np.float32)
    model = liteport.convert(net, example, dynamic="image:1=height,image:2=width", verify=4)
    assert shape(model) == (1, "height", "width", 3)


def test_a_transformer_of_any_length() -> None:
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = L.Embedding(50, 8)(ids)
    x = L.LayerNormalization()(x + L.MultiHeadAttention(2, 4)(x, x))
    net = keras.Model(ids, L.Dense(3)(x))
    model = liteport.convert(net, np.zeros((1, 6), np.int32), dynamic="ids:0=batch,ids:1=length", verify=4)
    assert shape(model) == ("batch", "length")


def test_shapes_that_are_computed() -> None:
    @tf.function(input_signature=[tf.TensorSpec((None, 6))])
    def call(x: Any) -> Any:
        size = tf.shape(x)
        half = tf.maximum(size[0] // 2, 1)
        padded = tf.pad(x, [[0, half], [0, 0]])
        return tf.reshape(padded[:half], [half * 2, 3]), tf.fill(size[:1], 2.0)

    model = liteport.convert(call, dynamic="batch", verify=6)
    assert shape(model) == ("batch", 6)


def test_loops_and_branches() -> None:
    @tf.function(input_signature=[tf.TensorSpec((None, 6))])
    def call(x: Any) -> Any:
        while tf.reduce_max(x) > 1:
            x = x / 2 + tf.zeros(tf.shape(x))
        return tf.cond(tf.reduce_sum(x) > 0, lambda: x + 1, lambda: x * tf.cast(tf.shape(x)[0], tf.float32))

    model = liteport.convert(call, dynamic="batch", verify=4)
    assert shape(model) == ("batch", 6)


@tf.function(input_signature=[tf.TensorSpec((None, 6))])
def doubling(x: Any) -> Any:
    invariants = [tf.TensorShape((None, 6))]
    loop = tf.while_loop(lambda y: tf.shape(y)[0] < 9, lambda y: [tf.concat([y, y], 0)], [x], invariants)
    return tf.reduce_mean(loop[0] * 2, 0)


def test_a_loop_whose_values_grow() -> None:
    model = liteport.convert(doubling, np.ones((3, 6), np.float32), verify=2)
    assert shape(model) == (3, 6)
    with pytest.raises(UnsupportedError, match=r"WHILE .* changes a size that stays open: give all sizes"):
        liteport.convert(doubling, dynamic="batch")


def test_results_as_long_as_the_data_says() -> None:
    @tf.function(input_signature=[tf.TensorSpec((6, 4))])
    def call(x: Any) -> Any:
        kept = tf.boolean_mask(x, x[:, 0] > 0)
        return tf.transpose(kept) * tf.range(1.0, 5.0)[:, None], tf.where(x > 0)

    model = liteport.convert(call, verify=6)
    (signature,) = model.inspect().signatures
    assert [d if isinstance(d, int) else "?" for d in signature.outputs[0].shape] == [4, "?"]


def test_a_recurrent_network() -> None:
    """Its loops write their results by computed places, which TensorFlow's converter makes slices of."""
    net = keras.Sequential([keras.Input((5, 3)), L.LSTM(4, return_sequences=True), L.GRU(4), L.Dense(2)])
    model = liteport.convert(net, verify=3)
    assert sum(op.name == "WHILE" for graph in model.module.graphs for op in graph.ops) == 2
