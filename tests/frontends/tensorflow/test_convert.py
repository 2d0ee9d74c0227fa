"""Models of TensorFlow, converted and verified: every kind of source, names, sizes, several signatures."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

import liteport
from liteport.errors import LiteportError, UnsupportedError, UsageError
from tests.check.test_tensorflow import Difference, keras_difference

logging.getLogger("absl").setLevel(logging.ERROR)


class Small(keras.Model):
    """Two heads on a convolution, as its users write it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = keras.layers.Conv2D(4, 3, padding="same")
        self.act = keras.layers.PReLU(shared_axes=[1, 2], alpha_initializer=keras.initializers.Constant(0.25))
        self.flat = keras.layers.Flatten()
        self.boxes, self.scores = keras.layers.Dense(4), keras.layers.Dense(2, activation="softmax")

    def call(self, image: Any, training: bool = False) -> Any:
        x = self.flat(self.act(self.conv(image)))
        return {"scores": self.scores(x), "boxes": self.boxes(x)}


def network() -> keras.Model:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 3), name="image"),
            layers.Conv2D(4, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(max_value=6),
            layers.DepthwiseConv2D(3, strides=2, padding="same"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax", name="classes"),
        ]
    )


def border(model: liteport.LiteModel) -> dict[str, tuple[list[str], list[str]]]:
    return {str(graph.signature): (graph.input_names, graph.output_names) for graph in model.module.signatures}


def test_a_keras_network_is_the_same_operators_as_one_of_pytorch() -> None:
    model = liteport.convert(network(), verify=3)
    assert border(model) == {"serving_default": (["image"], ["classes"])}
    assert [op.name for op in model.module.graphs[0].ops] == [
        *("CONV_2D", "DEPTHWISE_CONV_2D", "RESHAPE", "FULLY_CONNECTED", "SOFTMAX"),
    ]
    assert any("the batch of input image" in note for note in model.notes)


def test_files_of_keras(tmp_path: Path) -> None:
    net = network()
    for name in ("m.keras", "m.h5"):
        net.save(tmp_path / name)
        model = liteport.convert(tmp_path / name, verify=1)
        assert border(model) == {"serving_default": (["image"], ["classes"])}


def test_a_subclassed_model_needs_an_example() -> None:
    with pytest.raises(UsageError, match="the shapes of the inputs of Small are not known"):
        liteport.convert(Small())
    model = liteport.convert(Small(), np.zeros((1, 8, 8, 3), np.float32), verify=2)
    assert border(model) == {"serving_default": (["image"], ["scores", "boxes"])}


def test_a_saved_model_with_several_signatures(tmp_path: Path) -> None:
    module = Difference()
    signatures = {"difference": module.difference, "double": module.double}
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures=signatures)
    model = liteport.convert(tmp_path / "saved", verify=2)
    assert border(model) == {"difference": (["z", "a"], ["aa", "zz"]), "double": (["n"], ["output_0"])}
    chosen = liteport.convert(tmp_path / "saved", entries={"twice": ("double", (np.ones((3, 4), np.int32),))})
    assert border(chosen) == {"twice": (["n"], ["output_0"])}
    assert chosen(np.ones((3, 4), np.int32)).shape == (3, 4)
    assert liteport.verify(tmp_path / "saved", model, samples=2).passed


def test_a_module_and_its_functions() -> None:
    module = Difference()
    assert set(border(liteport.convert(module, verify=1))) == {"difference", "double"}
    assert border(liteport.convert(module.double)) == {"serving_default": (["n"], ["output"])}
    concrete = module.difference.get_concrete_function()
    assert border(liteport.convert(concrete, verify=1)) == {"serving_default": (["z", "a"], ["zz", "aa"])}


def test_a_loop_in_each_signature() -> None:
    class Loops(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((4,))])
        def halve(self, x: Any) -> Any:
            while tf.reduce_max(x) > 1:
                x = x / 2
            return x

        @tf.function(input_signature=[tf.TensorSpec((4,))])
        def grow(self, x: Any) -> Any:
            while tf.reduce_max(x) < 9:
                x = x * x + 1
            return x

    model = liteport.convert(Loops(), verify=2)
    assert border(model) == {"grow": (["x"], ["output"]), "halve": (["x"], ["output"])}


def test_rows_that_a_loop_makes() -> None:
    """The list that they are put into has as many as its own shape says, which is known outside of the loop alone."""
    call = tf.function(lambda x: tf.map_fn(lambda y: tf.reduce_max(y) * y, x))
    liteport.convert(call.get_concrete_function(tf.TensorSpec((4, 6))), verify=2)


def test_a_frozen_graph(tmp_path: Path) -> None:
    module = Difference()
    frozen = convert_variables_to_constants_v2(module.difference.get_concrete_function())
    path = tmp_path / "m.pb"
    path.write_bytes(frozen.graph.as_graph_def().SerializeToString())
    assert border(liteport.convert(path, verify=1))["serving_default"] == (["z", "a"], ["Identity", "Identity_1"])
    model = liteport.convert(path, graph_inputs="d=sub:0", graph_outputs=["Identity_1"], verify=1)
    assert border(model) == {"serving_default": (["d"], ["Identity_1"])}
    assert liteport.verify(path, model, graph_inputs="d=sub:0", graph_outputs="Identity_1", samples=1).passed


def test_channels_first_convolutions() -> None:
    """TensorFlow's own kernels for the CPU refuse them."""

    def call(x: Any) -> Any:
        x = tf.nn.conv2d(x, tf.ones((3, 3, 3, 4)), 1, "SAME", data_format="NCHW")
        return tf.nn.relu(tf.nn.bias_add(x, [1.0, 2.0, 3.0, 4.0], data_format="NCHW"))

    model = liteport.convert(tf.function(call).get_concrete_function(tf.TensorSpec((1, 3, 8, 8))), verify=2)
    assert [op.name for op in model.module.graphs[0].ops] == ["TRANSPOSE", "CONV_2D", "TRANSPOSE"]


def test_seeds_that_are_only_counted_on_are_no_state(tmp_path: Path) -> None:
    """As dropout in a recurrent layer and random changes to images do, which inference leaves out."""
    layers, image = keras.layers, keras.Input((8, 8, 2), name="image")
    changed = keras.Model(image, layers.Conv2D(3, 3)(layers.RandomSharpness(0.5)(image)))
    assert [op.name for op in liteport.convert(changed, verify=2).module.graphs[0].ops] == ["CONV_2D"]
    rows = keras.Input((3, 8), name="rows")
    recurrent = keras.Model(rows, layers.GRU(4, dropout=0.5, recurrent_dropout=0.5, unroll=True)(rows))
    recurrent.export(tmp_path / "saved", verbose=False)
    assert border(liteport.convert(tmp_path / "saved", verify=2)) == {"serving_default": (["rows"], ["output_0"])}


def test_a_flag_becomes_a_constant() -> None:
    def call(x: Any, scaled: Any) -> Any:
        return x * tf.where(scaled, 3.0, 1.0)

    concrete = tf.function(call).get_concrete_function(tf.TensorSpec((2,)), tf.TensorSpec((), tf.bool))
    model = liteport.convert(concrete, kwargs={"scaled": True}, verify=1)
    assert border(model) == {"serving_default": (["x"], ["output"])}
    assert model(np.ones(2, np.float32)).tolist() == [3, 3]


def function(call: Callable[..., Any], *specs: Any) -> Callable[[], Any]:
    return lambda: tf.function(call).get_concrete_function(*specs)


VARIABLE = tf.Variable(1.0)
RANDOM_DROPOUT = keras.layers.Dropout(0.5, seed=1)
ERRORS = [
    (
        "random",
        function(lambda x: RANDOM_DROPOUT(x, training=True), tf.TensorSpec((1, 4))),
        UnsupportedError,
        "changes variables",
    ),
    (
        "noise",
        function(lambda x: x + tf.random.stateless_uniform((4,), tf.cast(x, tf.int32)[:2]), tf.TensorSpec((4,))),
        UnsupportedError,
        "Make random numbers outside",
    ),
    ("flex", function(tf.linalg.inv, tf.TensorSpec((4, 4))), UnsupportedError, "MatrixInverse (MatrixInverse)"),
    ("strings", function(tf.strings.length, tf.TensorSpec((4,), tf.string)), UnsupportedError, "holds string"),
    ("state", function(lambda x: x + VARIABLE.assign_add(1.0), tf.TensorSpec((4,))), UnsupportedError, "changes"),
    ("ragged", function(lambda x: x.to_tensor(), tf.RaggedTensorSpec((2, None))), UnsupportedError, "Ragged"),
    ("open", function(lambda x: x, tf.TensorSpec((None, None, 3))), UsageError, "has open sizes: give them"),
    ("rank", function(lambda x: x + 1, tf.TensorSpec(None)), UsageError, "the shape of input x is not known"),
]


@pytest.mark.parametrize(("make", "kind", "says"), [pytest.param(*e[1:], id=e[0]) for e in ERRORS])
def test_clear_errors(make: Callable[[], Any], kind: type[LiteportError], says: str) -> None:
    with pytest.raises(kind) as caught:
        liteport.convert(make())
    assert says in str(caught.value)


def test_options_that_do_not_fit() -> None:
    with pytest.raises(UsageError, match=r"name tensors of a frozen graph \(.pb\): Functional is none"):
        liteport.convert(keras_difference(), graph_inputs="x")
    with pytest.raises(UsageError, match="has no input 'y': it takes z, a"):
        liteport.convert(keras_difference(), kwargs={"y": np.zeros(4, np.float32)})
    with pytest.raises(UsageError, match="there are several signatures"):
        liteport.convert(Difference(), (np.zeros((1, 4), np.float32),))
