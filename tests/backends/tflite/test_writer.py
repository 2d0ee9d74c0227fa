"""The writer: layout, sharing, signatures, what LiteRT makes of the file, and saving whole or not at all."""

from __future__ import annotations

import tracemalloc
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from liteport.backends.tflite import writer
from liteport.backends.tflite.writer import save, to_bytes, unique_names, write
from liteport.errors import InvalidGraphError
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, Value, constant
from liteport.ir.types import DType, Quantization, TensorType

F32 = DType.FLOAT32
ROW = TensorType(F32, (2, 3))
DATA = np.arange(6, dtype=np.float32).reshape(2, 3)


def two_constants(first: Any, second: Any) -> Module:
    """x * first + second."""
    graph = Graph("main", signature="run", output_names=["y"])
    b = Builder(graph)
    x = b.input(ROW, "x")
    graph.outputs = [b.emit(ops.Add(), b.emit(ops.Mul(), x, b.const(first)), b.const(second))]
    return Module([graph])


def model_of(data: bytes) -> Any:
    return schema.ModelT.InitFromPackedBuf(data)


def run(data: bytes, signature: str = "run", **inputs: Any) -> dict[str, Any]:
    return dict(Interpreter(model_content=data).get_signature_runner(signature)(**inputs))


def behind(module: Module, limit: int = 100) -> bytes:
    file = BytesIO()
    write(module, file, inline_limit=limit)
    return file.getvalue()


def test_the_same_module_gives_the_same_bytes() -> None:
    assert to_bytes(two_constants(DATA, DATA[0])) == to_bytes(two_constants(DATA.copy(), DATA[0].copy()))


def test_buffer_0_is_empty_and_equal_constants_share_one() -> None:
    model = model_of(to_bytes(two_constants(DATA, DATA.copy())))
    assert [0 if b.data is None else len(b.data) for b in model.buffers] == [0, 24]
    assert [t.buffer for t in model.subgraphs[0].tensors] == [0, 1, 0, 1, 0]


def test_a_constant_in_several_graphs_is_one_buffer() -> None:
    weights = constant(DATA, "w")
    graphs = []
    for name in ("first", "second"):
        graph = Graph(name, signature=name, output_names=["y"])
        b = Builder(graph)
        graph.outputs = [b.emit(ops.Add(), b.input(ROW, "x"), weights)]
        graphs.append(graph)
    data = to_bytes(Module(graphs))
    assert len(model_of(data).buffers) == 2
    for name in ("first", "second"):
        np.testing.assert_array_equal(run(data, name, x=DATA)["y"], DATA * 2)


def test_constants_are_aligned_to_16_bytes() -> None:
    data = to_bytes(two_constants(DATA[:, :1], DATA[0]))
    root = schema.Model.GetRootAs(data, 0)
    for number in range(1, root.BuffersLength()):
        table = root.Buffers(number)._tab
        assert table.Vector(table.Offset(4)) % 16 == 0


def test_past_the_limit_constants_stand_behind_the_flatbuffer() -> None:
    module = two_constants(DATA, DATA[0])
    module.metadata = {"note": b"kept inside", "min_runtime_version": b"1.5.0\0"}
    data = behind(module)
    buffers = model_of(data).buffers
    streamed = [b for b in buffers if b.offset]
    assert [(b.size, b.offset % 16, b.data) for b in streamed] == [(24, 0, None), (12, 0, None)]
    assert [bytes(b.data) for b in buffers if b.data is not None] == list(module.metadata.values())
    np.testing.assert_array_equal(run(data, x=DATA)["y"], DATA * DATA + DATA[0])


def test_a_constant_that_metadata_shares_stays_inside() -> None:
    module = two_constants(DATA, DATA[0])
    module.metadata = {"weights": DATA[0].tobytes()}
    data = behind(module)
    assert [len(b.data) for b in model_of(data).buffers if b.data is not None] == [12]
    np.testing.assert_array_equal(run(data, x=DATA)["y"], DATA * DATA + DATA[0])


@pytest.mark.parametrize("limit", [100, 2**31 - 1], ids=["behind", "inline"])
def test_the_file_loads_from_a_path_too(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(behind(two_constants(DATA, DATA[0]), limit))
    found = Interpreter(str(path)).get_signature_runner()(x=DATA)
    np.testing.assert_array_equal(found["y"], DATA * DATA + DATA[0])


def test_transposed_views_are_written_in_the_order_of_their_shape() -> None:
    data = to_bytes(two_constants(DATA.reshape(3, 2).T, DATA[0]))
    np.testing.assert_array_equal(run(data, x=DATA)["y"], DATA * DATA.reshape(3, 2).T + DATA[0])


def test_writing_needs_little_memory() -> None:
    weights = np.zeros((1024, 4096), np.float32)
    graph = Graph("main", signature="run", output_names=["y"])
    b = Builder(graph)
    x = b.input(TensorType(F32, (1, 1024)), "x")
    graph.outputs = [b.emit(ops.FullyConnected(), x, constant(weights.T))]
    module = Module([graph])
    with open("/dev/null", "wb") as file:
        write(module, file)  # what is imported and made once does not count
        tracemalloc.start()
        write(module, file)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < weights.nbytes / 4


NAMES = [
    (["a", "b"], ["a", "b"]),
    (["a", "a", "a"], ["a", "a_1", "a_2"]),
    (["", ""], ["tensor", "tensor_1"]),
    (["a", "a", "a_1"], ["a", "a_2", "a_1"]),
    (["a_1", "a", "a"], ["a_1", "a", "a_2"]),
]


@pytest.mark.parametrize(("names", "expected"), NAMES)
def test_names_are_made_unique(names: list[str], expected: list[str]) -> None:
    assert unique_names(names) == expected


def test_signatures_keep_the_sources_order() -> None:
    graph = Graph("main", signature="run", output_names=["z", "a", "m"])
    b = Builder(graph)
    x, y = b.input(ROW, "zebra"), b.input(TensorType(F32, (3,)), "ant")
    graph.outputs = [b.emit(ops.Add(), x, y), b.emit(ops.Mul(), x, y), b.emit(ops.Sub(), x, y)]
    data = to_bytes(Module([graph]))
    model = model_of(data)
    tensors = model.subgraphs[0].tensors
    assert [tensors[i].name for i in model.subgraphs[0].inputs] == [b"zebra", b"ant"]
    assert [t.name for t in model.signatureDefs[0].outputs] == [b"z", b"a", b"m"]
    assert [t.tensorIndex for t in model.signatureDefs[0].outputs] == list(model.subgraphs[0].outputs)
    np.testing.assert_array_equal(run(data, zebra=DATA, ant=DATA[0])["m"], DATA - DATA[0])


def odd_outputs(pick: Any) -> bytes:
    graph = Graph("main", signature="run")
    b = Builder(graph)
    x = b.input(ROW, "x")
    graph.outputs = pick(x, b.emit(ops.Neg(), x), constant(DATA, "c"))
    graph.output_names = [f"out{i}" for i in range(len(graph.outputs))]
    return to_bytes(Module([graph]))


ODD = [
    pytest.param(lambda x, y, c: [y, c], [-DATA, DATA], id="a-constant"),
    pytest.param(lambda x, y, c: [y, x], [-DATA, DATA], id="an-input"),
    pytest.param(lambda x, y, c: [y, y], [-DATA, -DATA], id="one-value-twice"),
    pytest.param(lambda x, y, c: [c, c], [DATA, DATA], id="one-constant-twice"),
]


@pytest.mark.parametrize(("pick", "expected"), ODD)
def test_the_interpreter_runs_odd_outputs(pick: Any, expected: list[Any]) -> None:
    found = run(odd_outputs(pick), x=DATA)
    for index, want in enumerate(expected):
        np.testing.assert_array_equal(found[f"out{index}"], want)


def test_a_reshape_to_a_scalar_stays_in_one_partition() -> None:
    graph = Graph("main", signature="run", output_names=["y"])
    b = Builder(graph)
    x = b.emit(ops.Neg(), b.input(TensorType(F32, (1, 1)), "x"))
    graph.outputs = [b.emit(ops.Neg(), b.emit(ops.Reshape(), x, b.const(np.zeros(0, np.int32))))]
    interpreter = Interpreter(model_content=to_bytes(Module([graph])))
    interpreter.allocate_tensors()
    assert [op["op_name"] for op in interpreter._get_ops_details()].count("DELEGATE") == 1


def test_dynamic_dimensions_reach_litert() -> None:
    graph = Graph("main", signature="run", output_names=["y"])
    b = Builder(graph)
    x = b.input(ROW, "x")
    y = b.emit(ops.Neg(), x)
    for value in (x, y):
        value.extra["shape_signature"] = (-1, 3)
    graph.outputs = [y]
    interpreter = Interpreter(model_content=to_bytes(Module([graph])))
    assert interpreter.get_input_details()[0]["shape_signature"].tolist() == [-1, 3]
    interpreter.resize_tensor_input(0, [5, 3])
    interpreter.allocate_tensors()
    assert interpreter.get_output_details()[0]["shape"].tolist() == [5, 3]


def test_quantisation_and_metadata_arrive() -> None:
    module = two_constants(DATA, DATA[0])
    module.description, module.metadata = "a test", {"note": b"text"}
    graph = module.graphs[0]
    graph.inputs[0].quantization = Quantization((0.5, 0.25, 1.0), (1, 2, 3), 1, (-1.0,), (1.0,))
    model = model_of(to_bytes(module))
    found = model.subgraphs[0].tensors[0].quantization
    assert (found.scale.tolist(), found.zeroPoint.tolist(), found.quantizedDimension) == (
        [0.5, 0.25, 1.0],
        [1, 2, 3],
        1,
    )
    assert (found.min.tolist(), found.max.tolist()) == ([-1.0], [1.0])
    assert model.description == b"a test"
    assert [(m.name, bytes(model.buffers[m.buffer].data)) for m in model.metadata] == [(b"note", b"text")]


def broken(change: Any) -> Module:
    module = two_constants(DATA, DATA[0])
    change(module, module.graphs[0])
    return module


def set_data(graph: Graph, data: Any) -> None:
    graph.ops[0].operand(1).data = data


def make_variable(graph: Graph) -> None:
    graph.ops[0].operand(1).variable = True


BROKEN = [
    (lambda m, g: m.graphs.clear(), "without graphs"),
    (lambda m, g: m.graphs.append(Graph("main")), "graphs of one name"),
    (lambda m, g: g.output_names.clear(), "1 outputs with the names"),
    (lambda m, g: set_data(g, DATA.astype(np.int32)), "data int32"),
    (lambda m, g: set_data(g, DATA[:1]), r"data float32\[1, 3\]"),
    (lambda m, g: make_variable(g), "a variable tensor with data"),
    (lambda m, g: setattr(g.ops[0], "operator", ops.While("no", "body")), "cannot be written"),
    (lambda m, g: setattr(g.ops[0], "operator", ops.Opaque("NO_SUCH")), "cannot be written"),
]


@pytest.mark.parametrize(("change", "why"), BROKEN)
def test_what_litert_could_not_load_is_refused(change: Any, why: str) -> None:
    with pytest.raises(InvalidGraphError, match=why):
        to_bytes(broken(change))


def test_raw_types_are_written_as_they_are() -> None:
    graph = Graph("main")
    b = Builder(graph)
    packed = constant(np.array([0x21, 0x43], np.uint8), "w", DType.INT4, (4,))
    graph.outputs = [b.emit(ops.Cast(to=F32), packed)]
    model = model_of(to_bytes(Module([graph])))
    assert bytes(model.buffers[1].data) == b"\x21\x43"
    assert model.subgraphs[0].tensors[0].type == schema.TensorType.INT4
    packed.data = np.zeros(3, np.uint8)
    with pytest.raises(InvalidGraphError, match="data uint8"):
        to_bytes(Module([graph]))


def test_save_puts_the_whole_file_in_place(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(b"old")
    save(two_constants(DATA, DATA[0]), path)
    assert path.read_bytes() == to_bytes(two_constants(DATA, DATA[0]))
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, InvalidGraphError])
def test_a_failed_save_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def fail(*args: Any) -> Any:
        raise error("stop")

    path = tmp_path / "m.tflite"
    path.write_bytes(b"old")
    monkeypatch.setattr(writer, "_stream", fail)
    with pytest.raises(error):
        save(two_constants(DATA, DATA[0]), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_save_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        save(two_constants(DATA, DATA[0]), tmp_path / "missing" / "m.tflite")


def test_an_operand_left_out_is_minus_one() -> None:
    graph = Graph("main", signature="run", output_names=["y"])
    b = Builder(graph)
    graph.outputs = [b.emit(ops.FullyConnected(), b.input(ROW, "x"), b.const(DATA[:1]), None)]
    data = to_bytes(Module([graph]))
    assert model_of(data).subgraphs[0].operators[0].inputs[2] == -1
    np.testing.assert_allclose(run(data, x=DATA)["y"], DATA @ DATA[:1].T)


def test_values_are_never_renamed_in_the_module() -> None:
    module = two_constants(DATA, DATA[0])
    values: list[Value] = list(module.graphs[0].values())
    before = [value.name for value in values]
    to_bytes(module)
    assert [value.name for value in values] == before
