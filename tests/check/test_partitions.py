"""XNNPACK's partitions as LiteRT forms them, and which of its operators each operator became."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from liteport.backends.tflite.writer import to_bytes
from liteport.check.native import OPERATOR, NativeModel
from liteport.check.partitions import align, partitions
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, Op, Value
from liteport.ir.ops import Operator
from liteport.ir.types import DType, TensorType

SHAPE = (2, 3, 4)


def crossing() -> Graph:
    """Two branches, of which one leaves XNNPACK twice (SIGN has no kernel there) and one never."""
    graph = Graph(signature="main")
    b = Builder(graph)
    x = b.input(TensorType(DType.FLOAT32, SHAPE), "x")
    inside = b.emit(ops.Abs(), b.emit(ops.Exp(), x))
    outside = b.emit(ops.Sign(), b.emit(ops.Neg(), b.emit(ops.Sign(), x)))
    graph.outputs = [b.emit(ops.Add(), inside, outside), outside]
    graph.output_names = ["sum", "sign"]
    return graph


def test_partitions_are_those_of_litert(tmp_path: Path) -> None:
    graph = crossing()
    content = to_bytes(Module([graph]))
    (tmp_path / "m.tflite").write_bytes(content)
    with NativeModel(tmp_path / "m.tflite", "main", 1) as native:
        ones = np.ones(SHAPE, np.float32)
        native.bind({"x": ones}, {"sum": ones, "sign": ones})
        native.start()
        native.run()
        outside = {event.index for event in native.stop() if event.kind == OPERATOR}
    assert [graph.ops[number].name for number in sorted(outside)] == ["SIGN", "SIGN"]

    found = partitions(graph, outside)
    assert [part.delegated for part in found] == [True, False, True, False, True]
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    nodes = [node for node in interpreter._get_ops_details() if node["op_name"] == "DELEGATE"]
    assert len(nodes) == 3
    names = [{interpreter._get_tensor_details(int(i), 0)["name"] for i in node["outputs"]} for node in nodes]
    ours = [{op.output.name for op in map(graph.ops.__getitem__, part.operators)} for part in found if part.delegated]
    assert all(theirs <= mine for theirs, mine in zip(names, ours, strict=True))


X = Value(TensorType(DType.FLOAT32, SHAPE), "x")
Y = Value(TensorType(DType.FLOAT32, SHAPE), "y")


def op(operator: Operator, *inputs: Value) -> Op:
    return Op(operator, list(inputs), [Value(X.type)])


SQUARE, PRODUCT = op(ops.Mul(), X, X), op(ops.Mul(), X, Y)
MEAN, PAD, ADD = op(ops.Mean(), X, Y), op(ops.Pad(), X, Y), op(ops.Add(), X, Y)
CASES = [
    pytest.param([ADD, MEAN], ["Add (ND)", "Mean (ND) Reduce2"], [[0], [1]], id="one each"),
    pytest.param([PRODUCT, SQUARE, MEAN], ["Multiply (ND)", "Mean Squared (ND)"], [[0], [], [1]], id="square"),
    pytest.param([SQUARE, MEAN, PRODUCT], ["Mean Squared (ND)", "Multiply (ND)"], [[], [0], [1]], id="square first"),
    pytest.param([ADD, PAD, MEAN], ["Add (ND)", "Mean (ND)"], [[0], [], [1]], id="padding"),
    pytest.param([ADD, MEAN], ["Add (ND)", "Convert (NC)", "Mean (ND)"], [[0], [1, 2]], id="one more"),
    pytest.param([ADD, MEAN], ["Add (ND)", "Mean (ND)", "Copy (NC, X32)"], [[0], [1, 2]], id="one more at the end"),
    pytest.param([ADD] * 500, ["Add (ND)"] * 500, [[n] for n in range(500)], id="many"),
]


@pytest.mark.parametrize(("operators", "kernels", "expected"), CASES)
def test_align(operators: Sequence[Op], kernels: Sequence[str], expected: list[list[int]]) -> None:
    assert align(operators, kernels) == expected
