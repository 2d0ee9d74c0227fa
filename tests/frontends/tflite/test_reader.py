"""The reader: files come back as they were, whoever wrote them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from liteport.backends.tflite.writer import save, to_bytes, write
from liteport.frontends.tflite.reader import read
from liteport.ir import ops
from liteport.ir.graph import Module
from liteport.ir.validate import validate
from tests.formats.tflite.semantics import semantics
from tests.frontends.tflite.samples import DATA, changed, drop_signatures, foreign, sample, simple
from tests.ir.ops.one_op import Case, build
from tests.ir.ops.table import CASES


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
    path = tmp_path / "m.tflite"
    path.write_bytes(to_bytes(sample()))
    save(read(path), path)
    assert path.read_bytes() == to_bytes(sample())


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
