"""Operators that TensorFlow's converter has no builtin for: converted, and held to TensorFlow."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import keras
import pytest
import tensorflow as tf

import liteport
from liteport.errors import UnsupportedError
from liteport.ir import ops

logging.getLogger("absl").setLevel(logging.ERROR)

layers = keras.layers
POOLED = ["RESHAPE", "{0}", "RESHAPE", "{0}", "RESHAPE"]
RESIZED = ["RESHAPE", "BATCH_MATMUL", "RESHAPE", "BATCH_MATMUL", "RESHAPE"]


def of(layer: Callable[[], Any], *shape: int) -> Callable[[], keras.Model]:
    return lambda: keras.Sequential([keras.Input(shape), layer()])


def resized(size: tuple[int, int], method: str, **options: Any) -> Callable[[], Any]:
    call = tf.function(lambda x: tf.image.resize(x, size, method, **options))
    return lambda: call.get_concrete_function(tf.TensorSpec((2, 8, 9, 3)))


CASES = [
    ("max", of(lambda: layers.MaxPooling3D(3, 2, padding="same"), 6, 7, 8, 3), [op.format("MAX_POOL_2D") for op in POOLED]),
    ("average", of(lambda: layers.AveragePooling3D(3, 1, padding="same"), 5, 6, 7, 3), [op.format("AVERAGE_POOL_2D") for op in POOLED]),
    ("bicubic", resized((5, 13), "bicubic"), RESIZED),
    ("area", resized((5, 13), "area"), RESIZED),
    ("lanczos", resized((5, 13), "lanczos3"), RESIZED),
    ("antialias", resized((5, 4), "bilinear", antialias=True), RESIZED),
]  # fmt: skip


@pytest.mark.parametrize(("make", "operators"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_converted(make: Callable[[], Any], operators: list[str]) -> None:
    model = liteport.convert(make(), verify=2)
    assert [op.name for op in model.module.graphs[0].ops] == operators


@pytest.mark.parametrize("axes", [[0, 1], [1, 2], [0, 1, 2], [-1, -2], [2], 1])
def test_norms_over_several_dimensions(axes: Any) -> None:
    """TensorFlow's converter makes L2_NORMALIZATION of them, which divides by the norm of the last dimension."""
    call = tf.function(lambda x: tf.math.l2_normalize(x, axes) + x / tf.sqrt(tf.reduce_sum(x * x, axes, keepdims=True)))
    liteport.convert(call.get_concrete_function(tf.TensorSpec((2, 3, 4))), verify=2)


def test_the_batch_stays_open() -> None:
    model = liteport.convert(of(lambda: layers.MaxPooling3D(2), 4, 4, 4, 3)(), dynamic="batch", verify=3)
    assert "MAX_POOL_2D" in {op.name for op in model.module.graphs[0].ops}


def test_a_size_that_is_computed_is_refused() -> None:
    call = tf.function(lambda x, size: tf.image.resize(x, size, "bicubic"))
    concrete = call.get_concrete_function(tf.TensorSpec((1, 8, 9, 3)), tf.TensorSpec((2,), tf.int32))
    with pytest.raises(UnsupportedError, match=r"ResizeBicubic.*Resize images of a fixed size"):
        liteport.convert(concrete)


def test_functions_without_a_builtin() -> None:
    """Those whose arguments are any numbers, and those of numbers between -1 and 1, above 1, and between 0 and 1."""

    def call(x: Any) -> Any:
        part, math = tf.sigmoid(x), tf.math
        everywhere = [f(x) for f in (math.atan, math.asinh, math.cosh, math.sinh, math.erf, math.erfc, math.bessel_i0)]
        within = [f(part - 0.5) for f in (math.acos, math.asin, math.atanh, math.erfinv, math.tan)]
        above = [f(part + 1.5) for f in (math.acosh, math.digamma)]
        return tf.stack([*everywhere, *within, *above, math.ndtri(part)])

    model = liteport.convert(
        tf.function(call).get_concrete_function(tf.TensorSpec((None, 6))), dynamic="batch", verify=2
    )
    assert not model.module.graphs[0].find(ops.Opaque)


def test_a_function_of_another_type() -> None:
    """It is computed in float32, between casts."""
    concrete = tf.function(tf.math.erf).get_concrete_function(tf.TensorSpec((4,), tf.float64))
    liteport.convert(concrete, verify=2)
