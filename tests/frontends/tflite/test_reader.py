"""The reader: files come back as they were, whoever wrote them, and damaged ones end in one sentence."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from liteport.backends.tflite.writer import to_bytes, write
from liteport.errors import InputError
from liteport.frontends.tflite.flatfile import MAX_TABLES
from liteport.frontends.tflite.reader import read
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, constant
from liteport.ir.types import DType, Quantization, TensorType
from liteport.ir.validate import validate
from tests.formats.tflite.semantics import plain, semantics
from tests.ir.ops.one_op import Case, build
from tests.ir.ops.table import CASES

F32, I8 = DType.FLOAT32, DType.INT8
ROW = TensorType(F32, (2, 3))
DATA = np.arange(6, dtype=np.float32).reshape(2, 3)


def sample() -> Module:
    """Two signatures that share weights, a body, quantisation, a dynamic dimension, metadata."""
    weights = constant(DATA, "weights")
    graphs = []
    for name, operator in (("first", ops.Add()), ("second", ops.Mul())):
        graph = Graph(name, signature=name, output_names=["b", "a"])
        b = Builder(graph)
        x = b.input(ROW, "x")
        x.extra["shape_signature"] = (-1, 3)
        y = b.emit(operator, x, weights)
        z = b.emit(ops.Quantize(to=I8), y, name="quantised")
        z.quantization = Quantization((0.5, 0.25, 0.125), (1, 2, 3), 1, (-1.0,), (2.0,))
        graph.outputs = [y, z]
        graphs.append(graph)
    body = Graph("body")
    b = Builder(body)
    body.outputs = [b.emit(ops.Neg(), b.input(ROW, "argument"))]
    return Module([*graphs, body], {"note": b"text", "more": b"\0\1"}, "a sample")


def foreign(model: Any) -> bytes:
    """A file as other writers lay it out: everything packed by the object API."""
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def simple() -> Any:
    """The ModelT of y = relu(x + c), for tests to change."""
    graph = Graph("main", signature="run", output_names=["y"])
    b = Builder(graph)
    graph.outputs = [b.emit(ops.Relu(), b.emit(ops.Add(), b.input(ROW, "x"), b.const(DATA, name="c")))]
    model = schema.ModelT.InitFromPackedBuf(to_bytes(Module([graph])))
    subgraph = model.subgraphs[0]
    subgraph.inputs, subgraph.outputs = list(subgraph.inputs), list(subgraph.outputs)
    for op in subgraph.operators:
        op.inputs, op.outputs = list(op.inputs), list(op.outputs)
    return model


@pytest.mark.parametrize("case", [pytest.param(c, id=c.id) for c in CASES])
def test_every_operator_comes_back_as_it_was(case: Case) -> None:
    graph = build(case, case.dtypes[0])
    module = read(to_bytes(Module([graph, *case.bodies])))
    again = module.graphs[0].ops[0]
    assert again.operator == case.operator
    assert [v and v.type for v in again.inputs] == [v and v.type for v in graph.ops[0].inputs]
    assert [v.type for v in again.outputs] == [v.type for v in graph.ops[0].outputs]
    for each in module.graphs:
        validate(each)


def test_a_module_comes_back_as_it_was() -> None:
    data = to_bytes(sample())
    module = read(data)
    assert [(g.name, g.signature) for g in module.graphs] == [("first", "first"), ("second", "second"), ("body", None)]
    assert (module.description, module.metadata) == ("a sample", {"note": b"text", "more": b"\0\1"})
    graph = module.graph("second")
    assert (graph.input_names, graph.output_names) == (["x"], ["b", "a"])
    assert graph.inputs[0].extra["shape_signature"] == (-1, 3)
    assert graph.outputs[1].quantization == sample().graphs[1].outputs[1].quantization
    np.testing.assert_array_equal(graph.ops[0].operand(1).array, DATA)
    assert to_bytes(module) == data


def test_both_layouts_are_the_same_module() -> None:
    file = BytesIO()
    write(sample(), file, inline_limit=100)
    assert semantics(file.getvalue()) == semantics(to_bytes(sample()))
    assert to_bytes(read(file.getvalue())) == to_bytes(sample())


def test_a_file_of_another_writer_keeps_its_meaning() -> None:
    model = simple()
    model.subgraphs[0].operators[0].builtinOptions.potScaleInt16 = False
    model.operatorCodes[0].version = 2
    data = foreign(model)
    assert semantics(to_bytes(read(data))) == semantics(data)


def test_constants_are_views_into_the_file(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(to_bytes(sample()))
    module = read(path)
    array = module.graphs[0].ops[0].operand(1).array
    assert not array.flags.owndata
    assert not array.flags.writeable
    assert array.__array_interface__["data"] == module.graphs[1].ops[0].operand(1).array.__array_interface__["data"]


def test_a_module_can_be_saved_over_the_file_that_it_views(tmp_path: Path) -> None:
    from liteport.backends.tflite.writer import save

    path = tmp_path / "m.tflite"
    path.write_bytes(to_bytes(sample()))
    save(read(path), path)
    assert path.read_bytes() == to_bytes(sample())


def changed(change: Any) -> bytes:
    model = simple()
    change(model, model.subgraphs[0])
    return foreign(model)


def drop_signatures(model: Any, graph: Any) -> None:
    model.signatureDefs = None


def two_signatures(model: Any, graph: Any) -> None:
    first = model.signatureDefs[0]
    second = schema.SignatureDefT(first.inputs, [schema.TensorMapT(b"other", graph.outputs[0])], b"again", 0)
    model.signatureDefs = [first, second]


def second_name(model: Any, graph: Any) -> None:
    model.signatureDefs[0].outputs.append(schema.TensorMapT(b"other", graph.outputs[0]))


def old_code(model: Any, graph: Any) -> None:
    for code in model.operatorCodes:
        code.builtinCode = 0


def write_in_place(model: Any, graph: Any) -> None:
    graph.operators[1].outputs = graph.outputs = [graph.inputs[0]]
    model.signatureDefs[0].outputs[0].tensorIndex = graph.inputs[0]


def no_names(model: Any, graph: Any) -> None:
    for tensor in graph.tensors:
        tensor.name = None


def constant_input(model: Any, graph: Any) -> None:
    graph.inputs.append(graph.operators[0].inputs[1])


# What liteport itself never writes, and LiteRT runs.
UNUSUAL = [drop_signatures, two_signatures, second_name, old_code, write_in_place, no_names, constant_input]


@pytest.mark.parametrize("change", UNUSUAL)
def test_unusual_files_run_the_same_after_a_round_trip(change: Any) -> None:
    data = changed(change)
    results = []
    for version in (data, to_bytes(read(data))):
        interpreter = Interpreter(model_content=version)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], DATA - 4)
        interpreter.invoke()
        output = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        results.append((output.tolist(), interpreter.get_signature_list()))
    assert results[0] == results[1]


def test_a_model_without_signatures_has_the_names_of_its_tensors() -> None:
    (graph,) = read(changed(drop_signatures)).graphs
    assert (graph.signature, graph.input_names, graph.output_names) == (None, ["x"], ["relu"])


def test_two_signatures_of_one_subgraph_are_two_graphs() -> None:
    graphs = read(changed(two_signatures)).graphs
    assert [(g.signature, g.output_names) for g in graphs] == [("run", ["y"]), ("again", ["other"])]
    assert len({g.name for g in graphs}) == 2


def custom(model: Any, graph: Any) -> None:
    code = schema.OperatorCodeT(
        deprecatedBuiltinCode=32, builtinCode=schema.BuiltinOperator.CUSTOM, customCode=b"Mine", version=3
    )
    model.operatorCodes.append(code)
    op = graph.operators[1]
    op.opcodeIndex = len(model.operatorCodes) - 1
    op.customOptions = np.frombuffer(b"any bytes", np.uint8)


def unmodelled(model: Any, graph: Any) -> None:
    number = schema.BuiltinOperator.HASHTABLE
    model.operatorCodes.append(schema.OperatorCodeT(min(number, 127), None, 1, number))
    op = graph.operators[1]
    op.opcodeIndex = len(model.operatorCodes) - 1
    op.builtinOptionsType = schema.BuiltinOptions.HashtableOptions
    op.builtinOptions = schema.HashtableOptionsT(tableId=5, keyDtype=4, valueDtype=2)


def other_options(model: Any, graph: Any) -> None:
    op = graph.operators[1]
    op.builtinOptionsType = schema.BuiltinOptions.SoftmaxOptions
    op.builtinOptions = schema.SoftmaxOptionsT(beta=0.5)


def new_option(model: Any, graph: Any) -> None:
    op = graph.operators[0]
    op.builtinOptions.fusedActivationFunction = 99


@pytest.mark.parametrize(
    ("change", "name", "custom_code"),
    [
        (custom, "CUSTOM", "Mine"),
        (unmodelled, "HASHTABLE", ""),
        (other_options, "RELU", ""),
        (new_option, "ADD", ""),
    ],
)
def test_what_has_no_words_here_is_carried_along(change: Any, name: str, custom_code: str) -> None:
    data = changed(change)
    module = read(data)
    opaque = [op.operator for op in module.graphs[0].ops if isinstance(op.operator, ops.Opaque)]
    assert [(o.name, o.custom_code) for o in opaque] == [(name, custom_code)]
    assert semantics(to_bytes(module)) == semantics(data)


def sparse(model: Any, graph: Any) -> None:
    tensor = graph.tensors[graph.operators[0].inputs[1]]
    dense = schema.DimensionMetadataT(format=0, denseSize=2)
    csr = schema.DimensionMetadataT(
        format=1,
        arraySegmentsType=schema.SparseIndexVector.Uint8Vector,
        arraySegments=schema.Uint8VectorT(values=[0, 1, 2]),
        arrayIndicesType=schema.SparseIndexVector.Uint8Vector,
        arrayIndices=schema.Uint8VectorT(values=[0, 2]),
    )
    tensor.sparsity = schema.SparsityParametersT(traversalOrder=[0, 1], dimMetadata=[dense, csr])
    model.buffers[tensor.buffer].data = np.frombuffer(np.array([1, 2], np.float32).tobytes(), np.uint8)


def blockwise(model: Any, graph: Any) -> None:
    graph.tensors[0].quantization = schema.QuantizationParametersT(
        detailsType=schema.QuantizationDetails.BlockwiseQuantization,
        details=schema.BlockwiseQuantizationT(scales=1, zeroPoints=-1, blockSize=32),
    )


def variable(model: Any, graph: Any) -> None:
    graph.tensors[1].isVariable = True


def unranked(model: Any, graph: Any) -> None:
    graph.tensors[0].hasRank = False
    graph.tensors[0].variantTensors = [schema.VariantSubTypeT(shape=[1], type=2, hasRank=True)]


@pytest.mark.parametrize("change", [sparse, blockwise, unranked])
def test_details_of_tensors_are_kept(change: Any) -> None:
    data = changed(change)
    assert semantics(to_bytes(read(data))) == semantics(data)


def strings(model: Any, graph: Any) -> None:
    tensor = graph.tensors[graph.operators[0].inputs[1]]
    tensor.type = schema.TensorType.STRING
    model.buffers[tensor.buffer].data = np.frombuffer(b"\x01\0\0\0\x0c\0\0\0\x0e\0\0\0hi", np.uint8)


def bfloats(model: Any, graph: Any) -> None:
    tensor = graph.tensors[graph.operators[0].inputs[1]]
    tensor.type = schema.TensorType.BFLOAT16
    model.buffers[tensor.buffer].data = np.arange(12, dtype=np.uint8)


@pytest.mark.parametrize("change", [strings, bfloats])
def test_constants_of_types_that_numpy_lacks_are_raw_bytes(change: Any) -> None:
    data = changed(change)
    module = read(data)
    assert module.graphs[0].ops[0].operand(1).array.dtype == np.uint8
    assert semantics(to_bytes(module)) == semantics(data)


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


def test_plain_compares_what_it_should() -> None:
    assert plain(schema.SoftmaxOptionsT(beta=1.0)) != plain(schema.SoftmaxOptionsT(beta=2.0))
