"""Properties of writer and reader together, on random modules."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from liteport.backends.tflite.writer import to_bytes, write
from liteport.errors import InvalidGraphError
from liteport.frontends.tflite.contract import fault
from liteport.frontends.tflite.reader import read
from liteport.ir import ops
from liteport.ir.graph import Graph, Module, Op, Value, constant
from liteport.ir.text import format
from liteport.ir.types import DType, Quantization, TensorType
from tests.formats.tflite.semantics import semantics

NUMERIC = [DType.FLOAT32, DType.FLOAT16, DType.INT8, DType.INT64, DType.BOOL, DType.COMPLEX64]
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
SHAPES = st.lists(st.integers(0, 3), max_size=4).map(tuple)
TYPES = st.builds(TensorType, st.sampled_from(NUMERIC), SHAPES)
HALVES = st.integers(-8, 8).map(lambda n: n / 2)
OPAQUE = st.builds(ops.Opaque, st.just("CUSTOM"), custom_code=st.text("abc", min_size=1), custom_options=st.binary())
OPERATORS = st.one_of(
    st.just(ops.Relu()),
    st.builds(ops.Softmax, beta=HALVES),
    st.builds(ops.Squeeze, squeeze_dims=st.lists(st.integers(-4, 3), max_size=3).map(tuple)),
    st.builds(ops.Concatenation, axis=st.integers(-3, 3), activation=st.sampled_from(ops.Activation)),
    st.builds(
        ops.MaxPool2D,
        padding=st.sampled_from(ops.Padding),
        stride=st.tuples(st.integers(1, 9), st.integers(1, 9)),
        filter=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    ),
    st.builds(ops.Bucketize, boundaries=st.lists(HALVES, max_size=3).map(tuple)),
)


@st.composite
def quantizations(draw: st.DrawFn) -> Quantization | None:
    count = draw(st.integers(0, 1))
    scale = draw(st.lists(st.integers(1, 9).map(float), min_size=count, max_size=count))
    return Quantization(tuple(scale), tuple(range(count))) if count else None


@st.composite
def constants(draw: st.DrawFn) -> Value:
    type = draw(TYPES)
    data = np.arange(type.size).reshape(type.shape).astype(type.dtype.numpy)
    if draw(st.booleans()):
        data = np.ascontiguousarray(data.T).T
    return constant(data, draw(TEXT))


@st.composite
def operations(draw: st.DrawFn, known: list[Value]) -> Op:
    """One on earlier values: what a kernel could take, or else a custom one on anything and nothing."""
    if known and draw(st.booleans()):
        operator, operand = draw(OPERATORS), draw(st.sampled_from(known))
        with suppress(InvalidGraphError):
            results = [Value(type, draw(TEXT)) for type in operator.infer(operand)]
            if not fault(operator, [operand], results):
                return Op(operator, [operand], results)
    operands: list[Any] = [draw(st.sampled_from([None, *known])) for _ in range(draw(st.integers(0, 3)))]
    made = st.builds(Value, TYPES, TEXT, quantization=quantizations())
    return Op(draw(OPAQUE), operands, draw(st.lists(made, min_size=1, max_size=2)))


@st.composite
def graphs(draw: st.DrawFn, name: str, shared: list[Value]) -> Graph:
    """Operations whose numbers do not matter here."""
    graph = Graph(name)
    inputs = [Value(draw(TYPES), draw(TEXT)) for _ in range(draw(st.integers(0, 3)))]
    graph.inputs = inputs
    known = [*inputs, *shared]
    for _ in range(draw(st.integers(0, 5))):
        graph.insert(len(graph.ops), draw(operations(known)))
        known += graph.ops[-1].outputs
    made = [value for op in graph.ops for value in op.outputs]
    graph.outputs = draw(st.lists(st.sampled_from(made), max_size=3)) if made else []
    if draw(st.booleans()):
        graph.signature = f"{name} {draw(TEXT)}"
        graph.input_names = [f"in {i}" for i in range(len(inputs))]
        graph.output_names = [f"out {i}" for i in range(len(graph.outputs))]
    return graph


@st.composite
def modules(draw: st.DrawFn) -> Module:
    shared = draw(st.lists(constants(), max_size=3))
    names = [f"graph {i}" for i in range(draw(st.integers(1, 3)))]
    metadata = draw(st.dictionaries(TEXT.filter(bool), st.binary(min_size=1), max_size=2))
    return Module([draw(graphs(name, shared)) for name in names], metadata, draw(TEXT))


@settings(max_examples=150, deadline=None)
@given(modules())
def test_what_is_written_is_read(module: Module) -> None:
    data = to_bytes(module)
    again = read(data)
    assert to_bytes(again) == data
    assert format(again) == format(read(to_bytes(again)))
    assert [g.signature for g in again.graphs] == [g.signature for g in module.graphs]
    for old, new in zip(module.graphs, again.graphs, strict=True):
        assert [op.operator for op in new.ops] == [op.operator for op in old.ops]
        assert [v.quantization for v in new.values()] == [v.quantization for v in old.values()]
        for before, after in zip(old.values(), new.values(), strict=True):
            assert after.type == before.type
            if before.is_const:
                np.testing.assert_array_equal(after.array, before.array)


@settings(max_examples=75, deadline=None)
@given(modules(), st.integers(0, 600))
def test_the_layout_does_not_change_the_meaning(module: Module, limit: int) -> None:
    file = BytesIO()
    write(module, file, inline_limit=limit)
    assert semantics(file.getvalue()) == semantics(to_bytes(module))
    assert to_bytes(read(file.getvalue())) == to_bytes(module)


@settings(max_examples=75, deadline=None)
@given(modules())
def test_every_constant_lies_where_the_schema_wants_it(module: Module) -> None:
    data = to_bytes(module)
    for value in (v for g in read(data).graphs for v in g.values() if v.is_const and v.array.nbytes):
        offset = value.array.__array_interface__["data"][0] - np.frombuffer(data, np.uint8).ctypes.data
        assert offset % 16 == 0
