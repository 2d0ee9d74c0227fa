"""Files in LiteRT: names in the file's order, examples, and errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from liteport.backends.tflite.writer import save, to_bytes
from liteport.check.litert import LiteRT, evaluate
from liteport.errors import LiteportError
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module
from liteport.ir.types import DType, Quantization, TensorType

ONE, TWO = np.full((2, 3), 1, np.float32), np.full((2, 3), 2, np.float32)


def subtraction(name: str, signature: str | None) -> Graph:
    """outputs "zz" = z - a and "aa" = its square; no name is in alphabetical order."""
    graph = Graph(name, signature=signature)
    b = Builder(graph)
    z, a = (b.input(TensorType(DType.FLOAT32, (2, 3)), n) for n in "za")
    difference = b.emit(ops.Sub(), z, a, name="zz")
    graph.outputs = [difference, b.emit(ops.Mul(), difference, difference, name="aa")]
    graph.output_names = ["zz", "aa"]
    return graph


@pytest.mark.parametrize("signature", ["main", None])
def test_names_are_in_the_files_order(tmp_path: Path, signature: str | None) -> None:
    save(Module([subtraction("main", signature)]), tmp_path / "m.tflite")
    model = LiteRT(tmp_path / "m.tflite")
    name = signature or "serving_default"
    assert model.signatures == {name: {"inputs": ["z", "a"], "outputs": ["zz", "aa"]}}
    assert list(model.example(name)) == ["z", "a"]
    results = model.run({"a": ONE, "z": TWO * 2}, name)
    assert list(results) == ["zz", "aa"]
    np.testing.assert_array_equal(results["zz"], 3 * ONE)
    np.testing.assert_array_equal(results["aa"], 9 * ONE)
    assert list(model.run({"a": ONE, "z": TWO})) == ["zz", "aa"]


def test_several_signatures() -> None:
    model = LiteRT(to_bytes(Module([subtraction("p", "second"), subtraction("q", "first")])))
    assert list(model.signatures) == ["second", "first"]
    np.testing.assert_array_equal(model.run({"z": TWO, "a": ONE}, "first")["zz"], ONE)
    with pytest.raises(LiteportError, match="several signatures, name one: second, first"):
        model.run({"z": TWO, "a": ONE})


def passed_on(type: TensorType, quantization: Quantization | None = None) -> LiteRT:
    graph = Graph(signature="main")
    b = Builder(graph)
    x = b.input(type, "x")
    x.quantization = quantization
    y = b.emit(ops.Reshape(), x, b.const([type.size]))
    y.quantization = quantization
    graph.outputs, graph.output_names = [y], ["y"]
    return LiteRT(to_bytes(Module([graph])))


# type, quantisation, the example's range
EXAMPLES = [
    (DType.FLOAT32, None, (0, 0)),
    (DType.INT64, None, (0, 1)),
    (DType.INT32, None, (0, 1)),
    (DType.UINT8, None, (0, 255)),
    (DType.INT16, Quantization((0.1,), (0,)), (-32768, 32767)),
    (DType.INT8, Quantization((0.1,), (3,)), (-128, 127)),
    (DType.BOOL, None, (False, False)),
]


@pytest.mark.parametrize(("dtype", "quantization", "ends"), EXAMPLES, ids=[e[0].name for e in EXAMPLES])
def test_example(dtype: DType, quantization: Quantization | None, ends: tuple[int, int]) -> None:
    example = passed_on(TensorType(dtype, (2, 3)), quantization).example("main")["x"]
    assert example.dtype == dtype.numpy
    assert example.shape == (2, 3)
    assert (example.min(), example.max()) == ends


def test_what_litert_refuses() -> None:
    with pytest.raises(LiteportError, match="LiteRT cannot load the model: "):
        LiteRT(b"not a model")
    model = LiteRT(to_bytes(Module([subtraction("main", "main")])))
    with pytest.raises(LiteportError, match="LiteRT cannot run the model: "):
        model.run({"z": ONE})


def test_evaluate() -> None:
    graph = Graph("fold", signature="fold")
    b = Builder(graph)
    graph.outputs = [b.emit(ops.Add(), b.const(ONE), b.const(TWO)), b.emit(ops.Mul(), b.const(TWO), b.const(TWO))]
    graph.output_names = ["p", "a"]
    np.testing.assert_array_equal(evaluate(graph), [3 * ONE, 4 * ONE])


SCRIPT = """
import os, sys
import numpy as np
from liteport.check.litert import LiteRT
model = LiteRT(sys.argv[1])
for _ in range(2):
    model.run(model.example("main"))
os.write(2, b"end")
"""


def test_the_runtimes_greeting_is_not_shown(tmp_path: Path) -> None:
    save(Module([subtraction("main", "main")]), tmp_path / "m.tflite")
    done = subprocess.run([sys.executable, "-c", SCRIPT, tmp_path / "m.tflite"], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"end")
