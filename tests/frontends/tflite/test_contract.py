"""Operations that no kernel could take end in a sentence when the file is read, and not the process when it runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as schema

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import LiteRT
from liteport.errors import InputError
from liteport.frontends.tflite.reader import read
from liteport.ir.graph import Module
from liteport.ir.types import DType
from tests.frontends.tflite.samples import changed, foreign
from tests.ir.ops.one_op import Case, build
from tests.ir.ops.table import CASES

CODES = {name: number for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
BY_ID = {case.id: case for case in CASES}
Model = Any


def recode(model: Model, name: str) -> None:
    code = model.operatorCodes[0]
    code.builtinCode, code.deprecatedBuiltinCode = CODES[name], min(CODES[name], 127)


def file_of(case: Case) -> Model:
    """The case's file, taken apart to be changed."""
    dtype = DType.FLOAT32 if DType.FLOAT32 in case.dtypes else case.dtypes[0]
    model = schema.ModelT.InitFromPackedBuf(to_bytes(Module([build(case, dtype), *case.bodies])))
    for op in model.subgraphs[0].operators:
        op.inputs, op.outputs = list(op.inputs), list(op.outputs)
    return model


def swapped(case: Case) -> Iterator[tuple[str, Model]]:
    model = file_of(case)
    for name in CODES:
        if name != case.operator.name:
            recode(model, name)
            yield name, model


def lessened(case: Case) -> Iterator[tuple[str, Model]]:
    """With each operand left out, with fewer of them, with fewer results."""
    whole = file_of(case).subgraphs[0].operators[0]
    for index in range(len(whole.inputs)):
        model = file_of(case)
        model.subgraphs[0].operators[0].inputs[index] = -1
        yield f"input {index} left out", model
        model.subgraphs[0].operators[0].inputs = whole.inputs[:index]
        yield f"{index} inputs", model
    for count in range(len(whole.outputs)):
        model = file_of(case)
        model.subgraphs[0].operators[0].outputs = whole.outputs[:count]
        yield f"{count} results", model


def ends_the_process(content: bytes) -> bool:
    """Whether LiteRT, running the file, takes a process of its own down."""
    child = os.fork()
    if child == 0:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        try:
            runner = LiteRT(content, threads=1)
            (name,) = runner.signatures
            runner.run(runner.example(name), name)
        finally:  # whatever LiteRT says in an exception is no end of the process
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) < 0


def unforeseen(models: Iterator[tuple[str, Model]]) -> list[str]:
    """The changes that reading lets pass and that end the process."""
    found = []
    for name, model in models:
        content = foreign(model)
        try:
            read(content)
        except InputError:
            continue
        if ends_the_process(content):
            found.append(name)
    return found


@pytest.mark.parametrize("id", ["ABS", "MAXIMUM", "LEAKY_RELU"])
def test_another_operators_code(id: str) -> None:
    assert unforeseen(swapped(BY_ID[id])) == []


@pytest.mark.parametrize("id", ["BATCH_MATMUL", "SPLIT", "SLICE", "DEPTHWISE_CONV_2D", "LSTM"])
def test_operands_and_results_left_out(id: str) -> None:
    assert unforeseen(lessened(BY_ID[id])) == []


@pytest.mark.slow
@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_every_operator(case: Case) -> None:
    assert unforeseen(swapped(case)) == []
    assert unforeseen(lessened(case)) == []


def left_out(model: Model, graph: Any) -> None:
    graph.operators[0].inputs[1] = -1


def no_result(model: Model, graph: Any) -> None:
    graph.operators[0].outputs = []
    graph.operators[1].inputs = [0]


def axis_of_floats(model: Model, graph: Any) -> None:
    recode(model, "SPLIT")
    graph.operators[0].builtinOptionsType, graph.operators[0].builtinOptions = 0, None


def bytes_without_scale(model: Model, graph: Any) -> None:
    for tensor in graph.tensors:
        tensor.type = schema.TensorType.INT8
    graph.operators[0].inputs = [0, 0]
    graph.tensors[1].buffer = 0


def smaller_result(model: Model, graph: Any) -> None:
    graph.tensors[graph.operators[0].outputs[0]].type = schema.TensorType.INT16


def endless(model: Model, graph: Any) -> None:
    recode(model, "WHILE")
    options = schema.WhileOptionsT()
    options.condSubgraphIndex = options.bodySubgraphIndex = 0
    graph.operators[0].builtinOptionsType = schema.BuiltinOptions.WhileOptions
    graph.operators[0].builtinOptions = options
    graph.operators[0].inputs = graph.operators[0].inputs[:1]


FAULTS = [
    (left_out, "ADD: needs 2 inputs, has 1"),
    (no_result, "ADD: makes 1 results, has 0"),
    (axis_of_floats, "SPLIT: float32 for the axis"),
    (bytes_without_scale, "ADD: int8 numbers without a scale"),
    (smaller_result, r"ADD: makes float32\[2,3\], which .* is too small for \(int16\)"),
    (endless, "subgraph main calls itself"),
]


@pytest.mark.parametrize(("change", "why"), FAULTS, ids=[change.__name__ for change, _ in FAULTS])
def test_the_sentence(change: Any, why: str) -> None:
    with pytest.raises(InputError, match=rf"is damaged: {why}"):
        read(changed(change))
