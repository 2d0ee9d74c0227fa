"""Models of TensorFlow as runners: names and order, examples, numbers, and errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from liteport.check.runner import Runner
from liteport.check.tensorflow import ConcreteFunction, FrozenGraph, KerasModel, SavedModel
from liteport.errors import InputError, LiteportError, UnsafeFileError, UnsupportedError, UsageError
from liteport.formats.tensorflow.names import GraphNames, Tensor, beside, read_names, write_names

Z, A = np.full((2, 4), 2, np.float32), np.ones((2, 4), np.float32)
FACTOR = np.arange(4, dtype=np.float32)


class Difference(tf.Module):
    """Two entry points around one variable: zz = factor * (z - a), aa its square."""

    def __init__(self) -> None:
        self.factor = tf.Variable(FACTOR)

    @tf.function(input_signature=[tf.TensorSpec((None, 4), name="z"), tf.TensorSpec((None, 4), name="a")])
    def difference(self, z: Any, a: Any) -> Any:
        zz = self.factor * (z - a)
        return {"zz": zz, "aa": zz * zz}

    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.int32)])
    def double(self, n: Any) -> Any:
        return n + n


def keras_difference() -> keras.Model:
    z, a = keras.Input((4,), name="z"), keras.Input((4,), name="a")
    zz = keras.layers.Subtract(name="zz")([z, a])
    return keras.Model([z, a], [zz, keras.layers.Multiply(name="aa")([zz, zz])])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tensorflow")


@pytest.fixture(scope="module")
def graph(folder: Path) -> Path:
    """A frozen graph, from "z:0" and "a:0" to "Identity:0" (aa) and "Identity_1:0" (zz)."""
    module = Difference()  # functions keep neither their objects nor their variables
    frozen = convert_variables_to_constants_v2(module.difference.get_concrete_function())
    path = folder / "m.pb"
    path.write_bytes(frozen.graph.as_graph_def().SerializeToString())
    return path


def check(runner: Runner, factor: Any, inputs: tuple[str, str], outputs: tuple[str, str]) -> None:
    (signature,) = runner.signatures
    assert list(runner.example(signature)) == list(inputs)
    assert runner.shapes(signature) == dict.fromkeys(inputs, (-1, 4))
    assert runner.trials(signature) == [dict.fromkeys(inputs, (1, 4))]
    results = runner.run(dict(zip(inputs, [Z, A], strict=True)), signature)
    assert list(results) == list(outputs)
    np.testing.assert_allclose(results[outputs[0]], factor * A)
    np.testing.assert_allclose(results[outputs[1]], (factor * A) ** 2)


def test_a_saved_model_with_several_signatures(folder: Path) -> None:
    module = Difference()
    signatures = {"difference": module.difference, "double": module.double}
    tf.saved_model.save(module, str(folder / "saved"), signatures=signatures)
    runner = SavedModel(folder / "saved")
    assert list(runner.signatures) == ["difference", "double"]
    assert list(runner.example("difference")) == ["z", "a"]
    results = runner.run({"z": Z, "a": A}, "difference")
    np.testing.assert_allclose(results["zz"], FACTOR * A)
    np.testing.assert_allclose(results["aa"], (FACTOR * A) ** 2)
    example = runner.example("double")
    assert example["n"].tolist() == [[0, 0, 0, 1]]
    assert runner.run(example, "double")["output_0"].tolist() == [[0, 0, 0, 2]]


def test_a_saved_model_of_keras_has_one_signature(folder: Path) -> None:
    keras_difference().export(str(folder / "exported"), verbose=False)
    check(SavedModel(folder / "exported"), 1, ("z", "a"), ("output_0", "output_1"))


def test_keras_models_and_files(folder: Path) -> None:
    model = keras_difference()
    model.save(folder / "m.keras")
    model.save(folder / "m.h5")
    for source in (model, folder / "m.keras", folder / "m.h5"):
        check(KerasModel(source), 1, ("z", "a"), ("zz", "aa"))


def test_a_concrete_function_keeps_the_order_of_its_results() -> None:
    module = Difference()
    check(ConcreteFunction(module.difference.get_concrete_function()), FACTOR, ("z", "a"), ("zz", "aa"))


def test_arguments_and_results_in_structures() -> None:
    def nested(pair: Any, scaled: bool, more: Any = None) -> Any:
        return pair[0] + more["q"], [pair[1] * (2 if scaled else 1)]

    spec = tf.TensorSpec((2,))
    concrete = tf.function(nested).get_concrete_function((spec, spec), True, more={"q": spec})
    runner = ConcreteFunction(concrete)
    one = np.ones(2, np.float32)
    assert list(runner.example("serving_default")) == ["pair_0", "pair_1", "more_q"]
    results = runner.run({"pair_0": one, "pair_1": 2 * one, "more_q": 3 * one})
    assert {name: array.tolist() for name, array in results.items()} == {"output_0": [4, 4], "output_1_0": [4, 4]}


def test_a_frozen_graph(graph: Path) -> None:
    check(FrozenGraph(graph, outputs="zz=Identity_1:0,aa=Identity"), FACTOR, ("z", "a"), ("zz", "aa"))
    assert list(FrozenGraph(graph).run({"z": Z, "a": A})) == ["Identity", "Identity_1"]
    # From tensors in between.
    partial = FrozenGraph(graph, inputs={"d": "sub:0"}, outputs=["Identity_1"])
    np.testing.assert_allclose(partial.run({"d": A})["Identity_1"], FACTOR * A)


def test_names_beside_a_frozen_graph(graph: Path) -> None:
    z, a = (Tensor(f"{name}:0", "float32", (-1, 4)) for name in "za")
    zz, aa = (Tensor(f"{name}:0", "float32", (-1, 4)) for name in ("Identity_1", "Identity"))
    names = GraphNames("difference", {"first": z, "second": a}, {"zz": zz, "aa": aa})
    write_names(beside(graph), names)
    try:
        assert read_names(beside(graph)) == names
        runner = FrozenGraph(graph)
        assert list(runner.signatures) == ["difference"]
        check(runner, FACTOR, ("first", "second"), ("zz", "aa"))
        beside(graph).write_text("{}")
        with pytest.raises(InputError, match="does not hold the names"):
            FrozenGraph(graph)
    finally:
        beside(graph).unlink()


ERRORS = [
    ("nothing", lambda f: SavedModel(f / "nothing"), InputError, "there is no such folder"),
    ("no saved model", SavedModel, InputError, "is no SavedModel: it has no saved_model.pb"),
    ("no graph", lambda f: FrozenGraph(f / "nothing.pb"), InputError, "there is no such file"),
    ("damaged", lambda f: FrozenGraph(f / "damaged.pb"), InputError, "damaged"),
    ("unknown input", lambda f: FrozenGraph(f / "m.pb", "y"), UsageError, "has no such node; there is z, a"),
    ("unknown output", lambda f: FrozenGraph(f / "m.pb", None, "Identiti"), UsageError, "did you mean Identity"),
    ("no such output", lambda f: FrozenGraph(f / "m.pb", None, "mul:3"), UsageError, "node mul has 1 output"),
    ("unconnected", lambda f: FrozenGraph(f / "m.pb", "a", "Identity"), InputError, "cannot be read from a:0 to"),
    ("no Keras file", lambda f: KerasModel(f / "damaged.keras"), InputError, "no .keras file, or a damaged one"),
    ("weights", lambda f: KerasModel(f / "m.weights.h5"), InputError, "has weights only"),
]


@pytest.mark.parametrize(("make", "kind", "says"), [pytest.param(*e[1:], id=e[0]) for e in ERRORS])
def test_clear_errors(folder: Path, graph: Path, make: Any, kind: type[LiteportError], says: str) -> None:
    (folder / "damaged.pb").write_bytes(graph.read_bytes()[:-40])
    for name in ("damaged.keras", "m.weights.h5"):
        (folder / name).write_bytes(b"PK\3\4 and nothing")
    with pytest.raises(kind) as caught:
        make(folder)
    assert says in str(caught.value)


def test_a_folder_without_signatures(folder: Path) -> None:
    tf.saved_model.save(tf.Module(), str(folder / "unsigned"))
    with pytest.raises(UnsupportedError, match="saved without signatures"):
        SavedModel(folder / "unsigned")


def test_a_model_that_writes_files_is_not_loaded(folder: Path) -> None:
    class Writer(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1,))])
        def write(self, x: Any) -> Any:
            tf.io.write_file(str(folder / "written"), "x")
            return x

    module = Writer()
    tf.saved_model.save(module, str(folder / "writer"), signatures=module.write)
    with pytest.raises(UnsafeFileError, match=r"reaches beyond the model when it runs \(WriteFile\)"):
        SavedModel(folder / "writer")


def test_lambda_layers_are_not_run(folder: Path) -> None:
    x = keras.Input((4,))
    keras.Model(x, keras.layers.Lambda(lambda t: t + 1)(x)).save(folder / "lambda.keras")
    with pytest.raises(UnsafeFileError, match="a Lambda layer"):
        KerasModel(folder / "lambda.keras")


def test_in_double(graph: Path) -> None:
    runner = FrozenGraph(graph)
    z, a = (np.random.default_rng(0).standard_normal((2, 4)).astype(np.float32) for _ in range(2))
    results = runner.run_in_double({"z": z, "a": a}, "serving_default")
    assert results is not None
    expected = (FACTOR * (z.astype(np.float64) - a)) ** 2
    assert results["Identity"].dtype == np.float64
    np.testing.assert_allclose(results["Identity"], expected, rtol=1e-14)


def test_in_double_through_layers_and_loops() -> None:
    keras.utils.set_random_seed(0)
    layers = [keras.layers.LSTM(3), keras.layers.LayerNormalization(), keras.layers.Dense(2, activation="gelu")]
    runner = KerasModel(keras.Sequential([keras.Input((5, 4), name="x"), *layers]))
    x = np.random.default_rng(0).standard_normal((1, 5, 4)).astype(np.float32)
    results = runner.run_in_double({"x": x}, "serving_default")
    assert results is not None
    (single,), (double,) = runner.run({"x": x}).values(), results.values()
    assert 0 < np.abs(single - double).max() < 1e-6


def test_no_double() -> None:
    def call(x: Any) -> Any:
        one = tf.ones(4)
        return tf.compat.v1.nn.fused_batch_norm(x, one, one, one, one, is_training=False)[0]

    runner = ConcreteFunction(tf.function(call).get_concrete_function(tf.TensorSpec((1, 2, 2, 4))))
    x = np.ones((1, 2, 2, 4), np.float32)
    assert runner.run_in_double({"x": x}, "serving_default") is None
    assert runner.run_in_double({"x": x}, "serving_default") is None


def test_wrong_inputs(graph: Path) -> None:
    with pytest.raises(LiteportError, match="TensorFlow cannot run the model"):
        FrozenGraph(graph).run({"z": Z, "a": np.ones((2, 3), np.float32)})


def test_stderr_is_clean(graph: Path) -> None:
    code = f"""
import numpy as np
from liteport.check.tensorflow import FrozenGraph
FrozenGraph(r"{graph}").run(dict.fromkeys("za", np.ones((1, 4), np.float32)))
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stderr == ""
    assert shown.stdout == ""


def test_without_tensorflow(monkeypatch: pytest.MonkeyPatch, graph: Path) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(UsageError, match=r"pip install liteport\[tensorflow\]"):
        FrozenGraph(graph)
