"""The least time of a file's products: how they are counted, and how they stand beside what is measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.floor import HEADER, Floor, Rates, Work, count, rows, share
from liteport.backends.tflite.writer import to_bytes
from liteport.check.profile import profile_file
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, Value
from liteport.ir.ops.base import Padding
from liteport.ir.types import DType, TensorType


def _input(b: Builder, *shape: int) -> Value:
    return b.input(TensorType(DType.FLOAT32, shape), f"x{len(b.graph.inputs)}")


def _zeros(b: Builder, *shape: int) -> Value:
    return b.const(np.zeros(shape, np.float32))


def _transposed(b: Builder) -> Value:
    shape = b.const(np.asarray([1, 10, 10, 5], np.int32))
    return b.emit(ops.TransposeConv(Padding.VALID, (2, 2)), shape, _zeros(b, 5, 2, 2, 3), _input(b, 1, 5, 5, 3))


COUNTED: dict[str, tuple[Callable[[Builder], Value], Work]] = {
    "linear": (
        lambda b: b.emit(ops.FullyConnected(), _input(b, 7, 3), _zeros(b, 5, 3), _zeros(b, 5)),
        Work(7 * 3 * 5),
    ),
    "convolution by steps, in groups": (
        lambda b: b.emit(ops.Conv2D(Padding.SAME, (2, 2)), _input(b, 1, 8, 8, 6), _zeros(b, 4, 3, 3, 3), _zeros(b, 4)),
        Work(4 * 4 * 4 * 3 * 3 * 3),
    ),
    "depthwise": (
        lambda b: b.emit(
            ops.DepthwiseConv2D(Padding.VALID), _input(b, 1, 8, 8, 6), _zeros(b, 1, 5, 3, 6), _zeros(b, 6)
        ),
        Work(0, depthwise=4 * 6 * 6 * 5 * 3),
    ),
    "transposed convolution": (_transposed, Work(5 * 5 * 3 * 5 * 2 * 2)),
    "matrices": (
        lambda b: b.emit(ops.BatchMatmul(), _input(b, 2, 7, 3), _input(b, 2, 3, 5)),
        Work(2 * 7 * 3 * 5),
    ),
    "matrices, the first turned": (
        lambda b: b.emit(ops.BatchMatmul(adj_x=True), _input(b, 2, 3, 7), _input(b, 2, 3, 5)),
        Work(2 * 7 * 3 * 5),
    ),
    "softmax": (lambda b: b.emit(ops.Softmax(), _input(b, 7, 3)), Work(0, exponentials=21)),
    "none": (lambda b: b.emit(ops.Add(), _input(b, 7), _input(b, 7)), Work(0)),
}


@pytest.mark.parametrize("case", COUNTED)
def test_products_are_counted(case: str) -> None:
    build, expected = COUNTED[case]
    graph = Graph(signature="main")
    graph.outputs, graph.output_names = [build(Builder(graph))], ["y"]
    assert count(Module([graph])) == expected


def test_each_kind_has_its_rate() -> None:
    assert Rates(linear=20, depthwise=5, exponentials=2).least(Work(100, 10, 6)) == 10
    assert Rates(20, 4, 1).best(Rates(10, 5, 2)) == Rates(20, 5, 2)


def test_a_bar_below_the_least_is_out_of_reach() -> None:
    floor = Floor(Work(10**9, 2 * 10**7, 3 * 10**5), 50.0, share=0.75)
    floors = dict.fromkeys(("liteport", "liteport --tune"), floor)
    taken = {"liteport": 60.0, "liteport --tune": 59.0, "onnx2tf": 200.0, "litert-torch": 100.0}
    counts = ["1 + 0.02 depthwise", "0.3", "50"]
    assert list(rows("bilstm", taken, floors)) == [
        ["bilstm", *counts, "45", "60", "100", "0.50", "0.45", "0.60", "0.85", ""],
        ["bilstm --tune", *counts, "44.2", "59", "100", "0.50", "0.44", "0.59", "0.75", ""],
    ]
    (row, _) = rows("convmixer_768_32", taken, floors)
    assert dict(zip(HEADER, row, strict=True))["the bar"] == "0.30"
    assert row[-1] == "out of reach"


def test_a_bar_below_the_kernels_time_leaves_nothing_else_to_save() -> None:
    (row, _) = rows(
        "convmixer_768_32",
        {"liteport": 60.0, "liteport --tune": 59.0, "onnx2tf": 100.0},
        {name: Floor(Work(1), 1.0, share=0.75) for name in ("liteport", "liteport --tune")},
    )
    assert row[-1] == "nothing left but these kernels"


def test_the_share_of_what_is_counted(tmp_path: Path) -> None:
    graph = Graph(signature="main")
    b = Builder(graph)
    x = _input(b, 196, 256)
    y = b.emit(ops.Softmax(), b.emit(ops.FullyConnected(), x, _zeros(b, 256, 256), _zeros(b, 256)))
    graph.outputs, graph.output_names = [b.emit(ops.Transpose(), y, b.const(np.asarray([1, 0], np.int32)))], ["y"]
    module, path = Module([graph]), tmp_path / "m.tflite"
    path.write_bytes(to_bytes(module))
    found = profile_file(path, module, runs=20)
    assert 0.3 < share(found) < 1
    assert not {each.operator for each in found.operators} <= {"FULLY_CONNECTED", "SOFTMAX"}


def test_without_a_peer_there_is_nothing_to_reach() -> None:
    assert not list(rows("bilstm", {"liteport": 60.0}, {"liteport": Floor(Work(1), 1.0, 0.5)}))
