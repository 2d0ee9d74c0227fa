"""Why operators are left to built-in kernels: in LiteRT, those with a reason run outside XNNPACK, their neighbours within."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from liteport.backends.tflite.writer import save
from liteport.check.outside import reason
from liteport.check.profile import profile_file
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, Value
from liteport.ir.types import Array, DType, TensorType


def f32(b: Builder, *shape: int, name: str = "x") -> Value:
    return b.input(TensorType(DType.FLOAT32, shape), name)


def i32(b: Builder, *shape: int, name: str = "i") -> Value:
    return b.input(TensorType(DType.INT32, shape), name)


def ints(*numbers: int) -> Array:
    return np.array(numbers, np.int32)


def join(count: int) -> Callable[[Builder], Value]:
    return lambda b: b.emit(ops.Concatenation(axis=0), *(f32(b, 2, 3, name=f"x{n}") for n in range(count)))


def split(parts: int) -> Callable[[Builder], Value]:
    return lambda b: b.emit_many(ops.Split(num_splits=parts), b.const(np.array(1, np.int32)), f32(b, 2, 20))[0]


def pool(size: int, step: int) -> Callable[[Builder], Value]:
    return lambda b: b.emit(ops.MaxPool2D(stride=(step, step), filter=(size, size)), f32(b, 1, 9, 9, 2))


def softmax(beta: float) -> Callable[[Builder], Value]:
    return lambda b: b.emit(ops.Softmax(beta=beta), f32(b, 2, 3))


def every(step: int, shrink: int = 0) -> Callable[[Builder], Value]:
    def build(b: Builder) -> Value:
        bounds = (b.const(ints(0, 0)), b.const(ints(4, 6)), b.const(ints(1, step)))
        return b.emit(ops.StridedSlice(shrink_axis_mask=shrink), f32(b, 4, 6), *bounds)

    return build


def dense(computed: bool) -> Callable[[Builder], Value]:
    def build(b: Builder) -> Value:
        x, w = f32(b, 2, 3), np.ones((4, 3), np.float32)
        return b.emit(ops.FullyConnected(), x, f32(b, 4, 3, name="w") if computed else b.const(w), None)

    return build


def transpose(rank: int) -> Callable[[Builder], Value]:
    return lambda b: b.emit(ops.Transpose(), f32(b, *range(1, rank + 1)), b.const(ints(*reversed(range(rank)))))


def add(dtype: DType) -> Callable[[Builder], Value]:
    return lambda b: b.emit(ops.Add(), *(b.input(TensorType(dtype, (2, 3)), name) for name in "xy"))


def least(dtype: DType) -> Callable[[Builder], Value]:
    return lambda b: b.emit(ops.Minimum(), *(b.input(TensorType(dtype, (2, 3)), name) for name in "xy"))


CASES: list[tuple[str, Callable[[Builder], Value], str]] = [
    ("no such operator", lambda b: b.emit(ops.Sign(), f32(b, 2, 3)), "XNNPACK has no such operator"),
    ("cast", lambda b: b.emit(ops.Cast(DType.FLOAT32), i32(b, 2)), "XNNPACK has no such operator"),
    ("join 5", join(5), ""),
    ("join 6", join(6), "XNNPACK joins at most 5 tensors, this joins 6"),
    ("split 4", split(4), ""),
    ("split 5", split(5), "XNNPACK splits into at most 4 parts, this into 5"),
    ("pool", pool(2, 2), ""),
    ("pool with gaps", pool(2, 3), "its stride is larger than its window"),
    ("softmax", softmax(1.0), ""),
    ("softmax beta", softmax(0.5), "its beta is 0.5, XNNPACK's is 1"),
    ("slice", every(1), ""),
    ("strided slice", every(2), "it takes steps of 2, XNNPACK of 1 only"),
    ("shrinking slice", every(1, shrink=1), "it adds or drops dimensions"),
    ("constant weights", dense(False), ""),
    ("computed weights", dense(True), "its weights must be constant"),
    ("rank 6", transpose(6), ""),
    ("rank 7", transpose(7), "XNNPACK has at most 6 dimensions"),
    ("add f32", add(DType.FLOAT32), ""),
    ("add i32", add(DType.INT32), "XNNPACK has it for floats and quantised int8 and uint8 only, not int32"),
    ("minimum f32", least(DType.FLOAT32), ""),
    ("minimum i32", least(DType.INT32), "XNNPACK has it for floats only, not int32"),
]


@pytest.mark.parametrize(("build", "expected"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_reasons(tmp_path: Path, build: Callable[[Builder], Value], expected: str) -> None:
    graph = Graph(signature="main")
    graph.outputs, graph.output_names = [build(Builder(graph))], ["y"]
    save(Module([graph]), tmp_path / "m.tflite")
    (found,) = profile_file(tmp_path / "m.tflite", Module([graph]), runs=1).operators
    assert (found.partition is None, found.reason) == (bool(expected), expected)


def test_a_computed_size(tmp_path: Path) -> None:
    graph = Graph(signature="main")
    b = Builder(graph)
    x, begin = f32(b, 4, 6), i32(b, 2)
    graph.outputs = b.emit_many(ops.Slice(), x, begin, b.const(ints(2, 2)), types=[TensorType(DType.FLOAT32, (2, 2))])
    graph.output_names = ["y"]
    assert reason(graph.ops[0]) == "its begin must be constant"
    save(Module([graph]), tmp_path / "m.tflite")
    assert profile_file(tmp_path / "m.tflite", Module([graph]), runs=1).operators[0].partition is None
