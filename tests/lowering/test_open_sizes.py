"""Files that leave sizes open: what is made of them takes any size still, and calls them the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import liteport
from liteport.backends.tflite.writer import to_bytes
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module
from liteport.ir.types import DType, TensorType
from liteport.lowering.basic import ints


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv1d(6, 5, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.conv(x).flatten(1)
        return y.t(), torch.cat([y, y.mean(0, keepdim=True)])


def test_a_file_of_any_batch_stays_one(tmp_path: Path) -> None:
    first = tmp_path / "first.tflite"
    liteport.convert(Net(), torch.randn(1, 6, 4), dynamic="batch").save(first)
    again = liteport.convert(first, verify=1)
    (signature,) = again.inspect().signatures
    assert signature.inputs[0].shape == ("batch", 6, 4)
    x = np.random.default_rng(0).standard_normal((3, 6, 4)).astype(np.float32)
    expected = liteport.load(first).runtime.run({"x": x})
    for name, array in again.runtime.run({"x": x}).items():
        np.testing.assert_allclose(array, expected[name], atol=1e-6)


def test_open_results_of_fixed_inputs(tmp_path: Path) -> None:
    """As onnx2tf writes them: a slice of all that is left, and the shape of that, computed."""
    graph = Graph(signature="main")
    b = Builder(graph)
    x = b.input(TensorType(DType.FLOAT32, (1, 4, 1, 6)), "x")
    (part,) = b.emit_many(
        ops.Slice(), x, ints(b, [0, 1, 0, 0]), ints(b, [-1, 2, 1, -1]), types=(TensorType(DType.FLOAT32, (1, 2, 1, 6)),)
    )
    part.extra["shape_signature"] = (-1, 2, 1, -1)
    shape = b.emit(ops.Gather(axis=0), b.emit(ops.Shape(), part), ints(b, [0, 1, 3]))
    (y,) = b.emit_many(ops.Reshape(), part, shape, types=(TensorType(DType.FLOAT32, (1, 2, 6)),))
    y.extra["shape_signature"] = (-1, 2, -1)
    graph.outputs, graph.output_names = [y], ["y"]
    file = tmp_path / "m.tflite"
    file.write_bytes(to_bytes(Module([graph])))
    model = liteport.convert(file)
    assert model.inspect().operators == {"SLICE": 1, "RESHAPE": 1}
    given = np.arange(24, dtype=np.float32).reshape(1, 4, 1, 6)
    np.testing.assert_array_equal(model(given), given[:, 1:3, 0])
