"""What a file is said to hold, against what was put into it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from liteport import inspect
from liteport.backends.tflite import writer
from liteport.errors import InputError
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module
from liteport.ir.types import DType, TensorType

WEIGHTS = np.arange(300, dtype=np.float32).reshape(3, 100)


def graph(signature: str, rows: int) -> Graph:
    made = Graph(signature, signature=signature)
    b = Builder(made)
    x = b.input(TensorType(DType.FLOAT32, (rows, 3)), "x")
    turned = b.emit(ops.Transpose(), x, b.const([1, 0]))
    again = b.emit(ops.Transpose(), turned, b.const([1, 0]))
    made.outputs = [b.emit(ops.BatchMatmul(), again, b.const(WEIGHTS))]
    made.output_names = ["y"]
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    module = Module([graph("one", 5), graph("two", 7)], metadata={"note": b"x" * 33}, description="mine")
    writer.save(module, tmp_path / "m.tflite")
    return tmp_path / "m.tflite"


def test_contents(file: Path) -> None:
    found = inspect(file)
    assert found.operators == {"TRANSPOSE": 4, "BATCH_MATMUL": 2}
    assert list(found.operators) == ["TRANSPOSE", "BATCH_MATMUL"]
    assert found.transposes == 4
    assert found.transposed_bytes == 2 * 4 * 3 * (5 + 7)
    assert found.description == "mine"
    assert [s.name for s in found.signatures] == ["one", "two"]
    second = found.signatures[1]
    assert [str(t) for t in (*second.inputs, *second.outputs)] == ["x float32[7,3]", "y float32[7,100]"]
    assert second.operators == {"TRANSPOSE": 2, "BATCH_MATMUL": 1}


def test_bytes(file: Path) -> None:
    found = inspect(file)
    assert found.size == file.stat().st_size == sum(vars(found.parts).values())
    assert found.parts.weights == WEIGHTS.nbytes + 2 * 4  # the matrix and the permutation, each once
    assert found.parts.metadata == 33
    assert 0 < found.parts.padding < 16 * 3


def test_constants_behind_the_flatbuffer(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    with path.open("wb") as stream:
        writer.write(Module([graph("one", 5)]), stream, inline_limit=0)
    parts = inspect(path).parts
    assert parts.weights == WEIGHTS.nbytes + 2 * 4
    assert sum(vars(parts).values()) == path.stat().st_size


def test_a_file_without_signatures(tmp_path: Path) -> None:
    plain = graph("one", 5)
    plain.signature = None
    writer.save(Module([plain]), tmp_path / "m.tflite")
    assert [(s.name, [t.name for t in s.inputs]) for s in inspect(tmp_path / "m.tflite").signatures] == [("one", ["x"])]


def test_dict_is_json(file: Path) -> None:
    plain = inspect(file).to_dict()
    assert json.loads(json.dumps(plain))["signatures"][0]["inputs"] == [
        {"name": "x", "dtype": "float32", "shape": [5, 3]}
    ]
    assert plain["transposes"] == 4


def test_no_tflite(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(b"hello, this is no model")
    with pytest.raises(InputError, match=r"m\.tflite"):
        inspect(tmp_path / "m.tflite")
    with pytest.raises(InputError, match=r"missing\.tflite"):
        inspect(tmp_path / "missing.tflite")
