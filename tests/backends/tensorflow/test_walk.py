"""What the walk does beyond one operator: quantised numbers, control flow, state, names, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import nn

import liteport
from liteport.backends.tflite.writer import to_bytes
from liteport.errors import UnsupportedError
from liteport.formats.tensorflow.runtime import tensorflow
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, Value, constant
from liteport.ir.types import Array, DType, Quantization, Source, TensorType

tf = tensorflow()

from liteport.backends.tensorflow import frozen, saved_model  # noqa: E402
from liteport.backends.tensorflow.weights import node_name, numbers  # noqa: E402

F32 = DType.FLOAT32
RNG = np.random.default_rng(0)


def litert(module: Module, runs: list[dict[str, Array]]) -> list[dict[str, Array]]:
    """What one interpreter gives, run after run."""
    runner = Interpreter(model_content=to_bytes(module), num_threads=1).get_signature_runner()
    return [{name: np.array(value) for name, value in runner(**inputs).items()} for inputs in runs]


def tensorflows(module: Module, runs: list[dict[str, Array]]) -> list[dict[str, Array]]:
    """What the one signature's function gives, run after run."""
    holder, functions = saved_model.build(module)
    assert holder is not None
    (function,) = functions.values()
    given = ({name: tf.constant(array) for name, array in inputs.items()} for inputs in runs)
    return [{name: value.numpy() for name, value in function(**inputs).items()} for inputs in given]


def graph_of(make: Any, *types: TensorType) -> Graph:
    graph = Graph("main", signature="serving_default")
    b = Builder(graph)
    graph.outputs = make(b, *(b.input(kind, f"x{i}") for i, kind in enumerate(types)))
    graph.output_names = [f"y{i}" for i in range(len(graph.outputs))]
    return graph


# Quantised


def grid(scale: float, zero: int = 0) -> Quantization:
    return Quantization((scale,), (zero,))


def on(value: Value, quantization: Quantization) -> Value:
    value.quantization = quantization
    return value


def quantised(b: Builder, x: Value) -> list[Value]:
    """int8 convolution with a scale per channel, a pool, and a concatenation that changes the grid."""
    w = on(
        constant(RNG.integers(-127, 128, (4, 3, 3, 2)).astype(np.int8), "w"),
        Quantization((0.01, 0.02, 0.03, 0.04), (0,) * 4),
    )
    bias = on(
        constant(RNG.integers(-99, 99, 4).astype(np.int32), "bias"),
        Quantization((0.0005, 0.001, 0.0015, 0.002), (0,) * 4),
    )
    xq = on(b.emit(ops.Quantize(), x), grid(0.05, -3))
    y = on(b.emit(ops.Conv2D(padding=ops.Padding.SAME, activation=ops.Activation.RELU), xq, w, bias), grid(0.1, -128))
    z = on(b.emit(ops.MaxPool2D(filter=(2, 2), stride=(2, 2)), y), grid(0.1, -128))
    return [b.emit(ops.Dequantize(), z), y]


def test_quantised_operators_are_within_a_step() -> None:
    module = Module([graph_of(quantised, TensorType(F32, (1, 6, 6, 2)))])
    runs = [{"x0": RNG.normal(0, 2, (1, 6, 6, 2)).astype(np.float32)}]
    (want,), (have,) = litert(module, runs), tensorflows(module, runs)
    assert have["y1"].dtype == np.int8
    assert np.abs(have["y1"].astype(int) - want["y1"]).max() <= 1
    assert (have["y1"] == want["y1"]).mean() > 0.95
    assert np.abs(have["y0"] - want["y0"]).max() <= 0.1001


def test_weights_of_4_bits() -> None:
    packed = np.array([0x2F, 0x80], np.uint8)
    value = constant(packed, "w", DType.INT4, (4,))
    value.quantization = grid(0.5)
    np.testing.assert_array_equal(numbers(value), [-0.5, 1.0, 0.0, -4.0])


# Where TensorFlow's kernels are narrower than LiteRT's

WIDE = [
    (ops.Add(), (2, 1, 2, 1, 2, 3), (1, 2, 1, 2, 2, 1)),
    (ops.Less(), (1, 2, 1, 2, 1, 2), (2, 1, 2, 1, 2, 1)),
    (ops.Mul(), (2, 1, 2, 3, 4, 5), (5,)),
    (ops.Sub(), (1, 2, 1, 2, 1), (3, 1, 2, 1, 2, 1)),
]


@pytest.mark.parametrize(("operator", "left", "right"), WIDE, ids=[w[0].name for w in WIDE])
def test_broadcasting_over_many_dimensions(operator: ops.Operator, left: Any, right: Any) -> None:
    module = Module([graph_of(lambda b, x, y: [b.emit(operator, x, y)], TensorType(F32, left), TensorType(F32, right))])
    runs = [{"x0": RNG.normal(0, 1, left).astype(np.float32), "x1": RNG.normal(0, 1, right).astype(np.float32)}]
    np.testing.assert_allclose(tensorflows(module, runs)[0]["y0"], litert(module, runs)[0]["y0"], rtol=1e-6)


def test_edges_next_to_zero() -> None:
    edges = tuple(map(float, np.nextafter(np.array([-1, 0, 1], np.float32), np.float32(np.inf))))
    module = Module([graph_of(lambda b, x: [b.emit(ops.Bucketize(boundaries=edges), x)], TensorType(F32, (5,)))])
    runs = [{"x0": np.array([-1, 0, 1e-30, 1, 2], np.float32)}]
    assert tensorflows(module, runs)[0]["y0"].tolist() == litert(module, runs)[0]["y0"].tolist() == [0, 1, 2, 2, 3]


# State


def counter(b: Builder, x: Value) -> list[Value]:
    """x added to what was added before."""
    handle = b.emit(ops.VarHandle(shared_name="total"))
    (before,) = b.emit_many(ops.ReadVariable(), handle, types=(x.type,))
    total = b.emit(ops.Add(), before, x)
    b.emit_many(ops.AssignVariable(), handle, total, types=())
    return [total]


def starting(number: float, type: TensorType) -> Graph:
    """A graph without a signature that sets the variable."""
    graph = Graph("init")
    b = Builder(graph)
    handle = b.emit(ops.VarHandle(shared_name="total"))
    b.emit_many(ops.AssignVariable(), handle, b.const(np.full(type.shape, number, np.float32)), types=())
    return graph


def test_variables_begin_as_they_are_set_and_last(tmp_path: Path) -> None:
    kind = TensorType(F32, (2,))

    def make(b: Builder, x: Value) -> list[Value]:
        b.emit_many(ops.CallOnce(init_subgraph="init"), types=())
        return counter(b, x)

    module = Module([graph_of(make, kind), starting(10, kind)])
    runs = [{"x0": np.full(2, n, np.float32)} for n in (1, 2, 3)]
    for found in (litert(module, runs), tensorflows(module, runs)):
        assert [run["y0"].tolist() for run in found] == [[11, 11], [13, 13], [16, 16]]
    saved_model.save(module, tmp_path / "m")
    loaded = tf.saved_model.load(str(tmp_path / "m")).signatures["serving_default"]
    assert [loaded(x0=tf.constant(run["x0"]))["y0"].numpy()[0] for run in runs] == [11, 13, 16]
    with pytest.raises(UnsupportedError, match="kept from one run to the next"):
        frozen.save(module, tmp_path / "m.pb")


def test_recurrent_kernels_go_on_where_they_were() -> None:
    def make(b: Builder, x: Value) -> list[Value]:
        state = Value(TensorType(F32, (2, 5)), "state", variable=True)
        w, r, bias = (b.const(RNG.normal(0, 1, shape).astype(np.float32)) for shape in ((5, 4), (5, 5), (5,)))
        return [b.emit(ops.UnidirectionalSequenceRnn(), x, w, r, bias, state)]

    module = Module([graph_of(make, TensorType(F32, (2, 3, 4)))])
    runs = [{"x0": RNG.normal(0, 1, (2, 3, 4)).astype(np.float32)} for _ in range(3)]
    for want, have in zip(litert(module, runs), tensorflows(module, runs), strict=True):
        np.testing.assert_allclose(have["y0"], want["y0"], atol=1e-6)


# Control flow


class Loops(nn.Module):
    """Loops over steps, in both directions, and an embedding."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(20, 8)
        self.lstm = nn.LSTM(8, 6, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(12, 4, batch_first=True)

    def forward(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        steps, _ = self.lstm(self.table(ids))
        return self.gru(steps)[0], steps.topk(2).indices


def test_loops_run_at_any_length(tmp_path: Path) -> None:
    module = Loops()
    model = liteport.convert(module, (torch.arange(12)[None],), dynamic="ids:1=steps")
    assert "WHILE" in {op.name for graph in model.plain.graphs for op in graph.ops}
    for name in ("m", "m.pb"):
        verification = model.save(tmp_path / name, verify=3).verification
        assert verification is not None
        assert verification.passed


def test_weights_in_loops_are_trained_on_and_first_states_are_not() -> None:
    module = Loops()
    model = liteport.convert(module, (torch.arange(12)[None],))
    holder, functions = saved_model.build(model.plain)
    for layer, weights in module.named_children():
        found = [v for name, v in holder.weights.items() if name.startswith(f"{layer}.")]
        assert sum(v.shape.num_elements() for v in found) == sum(p.numel() for p in weights.parameters()), layer
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(
            functions["serving_default"](ids=tf.constant([list(range(12))], tf.int64))["output_0"] ** 2
        )
    gradients = tape.gradient(loss, list(holder.weights.values()))
    assert all(np.abs(tf.convert_to_tensor(gradient)).max() > 0 for gradient in gradients)


KEPT = {
    "zeros": np.zeros((2, 3)),
    "nothing": np.zeros((0, 3)),
    "a number": np.array(2.0),
    "a mask": np.array([0, -np.inf]),
}


@pytest.mark.parametrize("name", KEPT)
def test_constants_that_are_no_weights(name: str) -> None:
    array = KEPT[name].astype(np.float32)
    module = Module([graph_of(lambda b, x: [b.emit(ops.Mul(), x, b.const(array))], TensorType(F32, array.shape))])
    assert not saved_model.build(module)[0].weights


# Names and refusals


def test_names_that_tensorflow_does_not_take(tmp_path: Path) -> None:
    class Net(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"a.b": x + y, "a/b": x - y, "x": x * y}

    names = {"input_names": ["x.1", "x/1"]}
    model = liteport.convert(Net(), (torch.rand(2), torch.rand(2)), **names)  # type: ignore[arg-type]
    for name in ("m", "m.pb"):
        verification = model.save(tmp_path / name, verify=2).verification
        assert verification is not None
        assert verification.passed


NODE_NAMES = {"a.b/c-d": "a.b/c-d", "x:0": "x_0", "_x": "x_x", "": "x", "naïve": "na_ve", "a b": "a_b"}


@pytest.mark.parametrize("name", NODE_NAMES)
def test_node_names(name: str) -> None:
    assert node_name(name) == NODE_NAMES[name]


def test_what_there_is_no_operation_for_is_told_at_once() -> None:
    def make(b: Builder, x: Value) -> list[Value]:
        b.source = Source("head", "net.py:7")
        (y,) = b.emit_many(ops.Opaque(custom_code="TFLite_Detection_PostProcess"), x, types=(x.type,))
        (z,) = b.emit_many(ops.Opaque(custom_code="Mine"), y, types=(x.type,))
        return [z]

    module = Module([graph_of(make, TensorType(F32, (2,)))])
    says = r"no operation for CUSTOM TFLite_Detection_PostProcess at head \(net.py:7\); CUSTOM Mine at head"
    for write in (saved_model.build, frozen.build):
        with pytest.raises(UnsupportedError, match=says):
            write(module)


def test_what_tensorflow_refuses_is_told_with_its_place() -> None:
    def make(b: Builder, x: Value) -> list[Value]:
        b.source = Source("head", "net.py:7")
        return [b.emit(ops.Conv2D(activation=ops.Activation.SIGN_BIT), x, b.const(np.ones((1, 1, 1, 2), np.float32)))]

    with pytest.raises(UnsupportedError, match=r"CONV_2D at head \(net.py:7\) applies SIGN_BIT"):
        saved_model.build(Module([graph_of(make, TensorType(F32, (1, 2, 2, 2)))]))


def test_a_frozen_graph_holds_2_gb(tmp_path: Path) -> None:
    big = np.lib.stride_tricks.as_strided(np.zeros(1, np.float32), (1 << 29,), (0,))

    def make(b: Builder, x: Value) -> list[Value]:
        return [b.emit(ops.Gather(), constant(big, "table"), x)]

    module = Module([graph_of(make, TensorType(DType.INT32, (1,)))])
    with pytest.raises(UnsupportedError, match=r"2.1 GB of weights do not fit in a frozen graph"):
        frozen.save(module, tmp_path / "m.pb")
