"""Passes over graphs that arrive quantised, as .tflite files do."""

from __future__ import annotations

import numpy as np

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import LiteRT, evaluate
from liteport.frontends.tflite.reader import read
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, Value, constant
from liteport.ir.types import DType, Quantization, TensorType
from liteport.lowering.basic import channels_first, channels_last, reshape
from liteport.passes.pipeline import optimise

PER_TENSOR = Quantization(scale=(0.05,), zero_point=(3,))


def quantised(b: Builder, x: Value, outputs: int) -> Value:
    """An int8 convolution with one scale per output channel, channels first around it."""
    rng = np.random.default_rng(0)
    scales = tuple(float(s) for s in rng.uniform(0.01, 0.02, outputs))
    w = constant(rng.integers(-127, 128, (outputs, 1, 1, x.shape[1])).astype(np.int8), "w")
    w.quantization = Quantization(scales, (0,) * outputs)
    bias = constant(np.zeros(outputs, np.int32), "b")
    bias.quantization = Quantization(tuple(0.05 * s for s in scales), (0,) * outputs)
    y = b.emit(ops.Conv2D(), channels_last(b, x), w, bias)
    y.quantization = PER_TENSOR
    return channels_first(b, y)


def test_transposes_move_through_a_quantised_graph() -> None:
    graph = Graph(signature="main")
    b = Builder(graph)
    x = b.input(TensorType(DType.INT8, (1, 6, 5, 5)), "x")
    x.quantization = PER_TENSOR
    y = b.emit(ops.Relu(), quantised(b, x, 8))
    y.quantization = PER_TENSOR
    y = reshape(b, reshape(b, quantised(b, y, 4), (4, 25)), (100,))
    graph.outputs, graph.output_names = [y], ["y"]
    before = to_bytes(Module([graph]))
    module = read(before)
    optimise(module, evaluate, debug=True)
    names = [op.name for op in module.graphs[0].ops]
    assert names == ["TRANSPOSE", "CONV_2D", "RELU", "CONV_2D", "TRANSPOSE", "RESHAPE"]
    assert all(v.quantization is not None for op in module.graphs[0].ops for v in op.outputs)
    sample = {"x": np.random.default_rng(1).integers(-128, 128, (1, 6, 5, 5)).astype(np.int8)}
    np.testing.assert_array_equal(LiteRT(to_bytes(module)).run(sample)["y"], LiteRT(before).run(sample)["y"])
