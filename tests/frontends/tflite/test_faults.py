"""Files that are damaged, contradict themselves or are something else: each ends in one sentence."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import LiteRT
from liteport.errors import InputError
from liteport.frontends.tflite.flatfile import MAX_TABLES
from liteport.frontends.tflite.reader import read
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module
from liteport.ir.ops.base import Operator
from liteport.ir.types import DType, TensorType
from tests.frontends.tflite.samples import changed, drop_signatures, foreign, sample


def set_field(place: Any, name: str, value: Any) -> Any:
    return lambda model, graph: setattr(place(model, graph), name, value)


def first_op(model: Any, graph: Any) -> Any:
    return graph.operators[0]


def the_constant(model: Any, graph: Any) -> Any:
    return graph.tensors[graph.operators[0].inputs[1]]


def a_model(model: Any, graph: Any) -> Any:
    return model


def a_graph(model: Any, graph: Any) -> Any:
    return graph


def the_code(model: Any, graph: Any) -> Any:
    return model.operatorCodes[0]


def bad_scales(model: Any, graph: Any) -> None:
    graph.tensors[0].quantization = schema.QuantizationParametersT(scale=[1.0, 2.0], zeroPoint=[0])


def far_away(model: Any, graph: Any) -> None:
    model.buffers[1] = schema.BufferT(offset=1 << 40, size=24)


def elsewhere(model: Any, graph: Any) -> None:
    graph.tensors[0].externalBuffer = 1


def sign_nothing(model: Any, graph: Any) -> None:
    model.signatureDefs[0].subgraphIndex = 4


def sign_inside(model: Any, graph: Any) -> None:
    model.signatureDefs[0].outputs[0].tensorIndex = graph.operators[0].inputs[1]


BAD = [
    (set_field(a_model, "version", 2), "schema version 2"),
    (set_field(a_model, "subgraphs", []), "no subgraphs"),
    (set_field(a_graph, "outputs", [17]), "tensor 17 of"),
    (set_field(a_graph, "inputs", [0, 0]), "an input twice"),
    (set_field(first_op, "opcodeIndex", 9), "operator code 9 of 2"),
    (set_field(first_op, "inputs", [0, -2]), "tensor -2 of"),
    (set_field(first_op, "outputs", [1]), "which has data"),
    (set_field(the_constant, "buffer", 7), "buffer 7 of 2"),
    (set_field(the_constant, "shape", [2, 4]), "has 24 bytes of data"),
    (set_field(the_constant, "shape", [-2, -3]), r"the shape \[-2, -3\]"),
    (set_field(the_constant, "shapeSignature", [-1]), "has two ranks"),
    (set_field(the_constant, "type", 99), "hold what cannot be there"),
    (set_field(the_constant, "isVariable", True), "is a variable, and has data"),
    (set_field(the_code, "builtinCode", 3000), "operator 3000, which this ai-edge-litert does not know"),
    (bad_scales, "2 scales, 1 zero points"),
    (far_away, "beyond its end"),
    (elsewhere, "in another file"),
    (sign_nothing, "a signature's subgraph 4 of 1"),
    (sign_inside, "not at its border"),
]


@pytest.mark.parametrize(("change", "why"), BAD, ids=[why for _, why in BAD])
def test_contradictions_are_named(change: Any, why: str) -> None:
    with pytest.raises(InputError, match=why):
        read(changed(change))


def sizes_with_data(cut: Operator) -> bytes:
    """y = reshape(x, cut(shape(x))), whose sizes have a value as well, as onnx2tf writes such."""
    graph = Graph("main", signature="run", output_names=["y"])
    b = Builder(graph)
    x = b.input(TensorType(DType.FLOAT32, (2, 1, 3)), "x")
    places = [b.const(np.asarray(n, np.int32)) for n in (([0, 2],) if isinstance(cut, ops.Gather) else ([0], [2]))]
    sizes = b.emit(cut, b.emit(ops.Shape(), x), *places, name="sizes")
    graph.outputs = list(b.emit_many(ops.Reshape(), x, sizes, types=(TensorType(DType.FLOAT32, (2, 3)),)))
    model = schema.ModelT.InitFromPackedBuf(to_bytes(Module([graph])))
    (tensor,) = (t for t in model.subgraphs[0].tensors if t.name == b"sizes")
    tensor.buffer = len(model.buffers)
    model.buffers.append(schema.BufferT(data=np.asarray([2, 3], np.int32).view(np.uint8)))
    return foreign(model)


def test_sizes_that_have_a_value_are_computed() -> None:
    data = sizes_with_data(ops.Gather())
    x = np.arange(6, dtype=np.float32).reshape(2, 1, 3)
    (have,) = LiteRT(to_bytes(read(data)), threads=1).run({"x": x}).values()
    np.testing.assert_array_equal(have, x.reshape(2, 3))


def test_what_litert_would_write_over_data_is_refused() -> None:
    with pytest.raises(InputError, match="SLICE writes to sizes, which has data"):
        read(sizes_with_data(ops.Slice()))


FILES = [
    (b"", "too short"),
    (b"TFL3", "too short"),
    (b"\x1c\0\0\0ONNX" + bytes(64), "no TFL3 identifier"),
    (b"\xff\xff\xff\xffTFL3" + bytes(64), "is damaged"),
]


@pytest.mark.parametrize(("data", "why"), FILES)
def test_files_that_are_none(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(data)
    with pytest.raises(InputError, match=why) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("name", [".", "missing.tflite"])
def test_paths_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / name)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tflite")
    with pytest.raises(InputError, match="no regular file"):
        read(tmp_path / "pipe.tflite")


def test_a_small_file_cannot_claim_to_be_large() -> None:
    """A vector of tables may point to one table over and over; the count alone has to be refused."""
    data = bytearray(changed(drop_signatures))
    model = schema.Model.GetRootAs(data, 0)
    table = model._tab
    vector = table.Vector(table.Offset(8)) - 4
    data[vector : vector + 4] = (MAX_TABLES + 1).to_bytes(4, "little")
    with pytest.raises(InputError, match="more than"):
        read(bytes(data))


def test_damage_ends_in_one_sentence_or_in_a_module() -> None:
    data = to_bytes(sample())
    rng = np.random.default_rng(0)
    ends = 0
    for _ in range(1500):
        damaged = bytearray(data[: rng.integers(0, len(data) + 1)] if rng.random() < 0.3 else data)
        for place in rng.integers(0, max(1, len(damaged)), rng.integers(1, 5)):
            if damaged:
                damaged[place] = rng.integers(0, 256) if rng.random() < 0.5 else damaged[place] ^ (1 << rng.integers(8))
        ends += sentence_of(bytes(damaged)).count("the model: ")
    assert ends > 300


def sentence_of(data: bytes) -> str:
    """What reading `data` ends in: nothing, or the one line of its InputError."""
    try:
        read(data)
    except InputError as error:
        (line,) = str(error).splitlines()
        return line
    return ""
