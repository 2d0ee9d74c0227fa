"""Operator classes against LiteRT: types, shapes, the tables of element types and ranks."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from liteport.backends.tflite.writer import to_bytes
from liteport.errors import InvalidGraphError
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, Value, constant
from liteport.ir.ops.base import NotInferred
from liteport.ir.types import DType, Quantization, TensorType
from tests.ir.ops.one_op import SIGNATURE, C, Case, T, inputs, run
from tests.ir.ops.table import CASES

CLASSES = [c for c in vars(ops).values() if isinstance(c, type) and issubclass(c, ops.Operator) and c.name]

# Classes that no one-operator model of plain numbers can show; each has a test of its own, most of them below.
ELSEWHERE = {
    ops.BindSize,
    ops.ConvInteger,
    ops.DynamicQuantize,
    ops.Erf,
    ops.MatmulInteger,
    ops.Opaque,
    ops.CallOnce,
    ops.VarHandle,
    ops.ReadVariable,
    ops.AssignVariable,
    ops.Quantize,
    ops.Densify,
}

# The numbers differ from float32's for a reason: other bytes, or another lowest number for an empty segment.
OWN_NUMBERS = {"BITCAST", "UNSORTED_SEGMENT_MAX", "UNSORTED_SEGMENT_MIN"}

RUNS = [pytest.param(c, t, id=f"{c.id}-{t.name.lower()}") for c in CASES for t in c.dtypes]


@pytest.mark.parametrize(("case", "dtype"), RUNS)
def test_infer_says_what_litert_allocates(case: Case, dtype: DType) -> None:
    if case.id == "WHERE" and dtype is DType.BOOL:
        case = dataclasses.replace(case, results=[TensorType(DType.INT64, (16, 3))])
    graph, found = run(case, dtype)
    expected = {name: value.type for name, value in zip(graph.output_names, graph.outputs, strict=True)}
    assert {name: TensorType(DType.of(np.asarray(a)), np.shape(a)) for name, a in found.items()} == expected


COMPARED = [
    pytest.param(c, t, id=f"{c.id}-{t.name.lower()}")
    for c in CASES
    for t in c.dtypes
    if DType.FLOAT32 in c.dtypes and t not in (DType.BOOL, DType.FLOAT32) and c.id not in OWN_NUMBERS
]


@pytest.mark.parametrize(("case", "dtype"), COMPARED)
def test_every_type_of_the_table_gives_the_numbers_of_float32(case: Case, dtype: DType) -> None:
    expected = run(case, DType.FLOAT32)[1]
    for name, found in run(case, dtype)[1].items():
        # A float's step at this type; integers are cut off as by a cast.
        want = np.asarray(expected[name], np.float64)
        want = np.trunc(want) if np.asarray(found).dtype.kind in "iu" else want
        step = 2e-3 if dtype is DType.FLOAT16 else 1e-6
        np.testing.assert_allclose(np.asarray(found, np.complex128), want, rtol=step, atol=step)


def test_every_class_has_a_case() -> None:
    assert set(CLASSES) == {type(case.operator) for case in CASES} | ELSEWHERE


def test_class_names_follow_the_builtins() -> None:
    names = {c.name for c in CLASSES}
    assert len(names) == len(CLASSES)
    assert set(ops.__all__) >= {c.__name__ for c in CLASSES}


# The highest rank, and one operand list for it. Broadcasting ones differ in every dimension, so that none merge.
def halves(rank: int) -> tuple[T, T]:
    left = tuple(2 if i % 2 else 1 for i in range(rank))
    return T(left), T(tuple(3 - d for d in left))


def axes(rank: int) -> Any:
    return np.arange(0, rank, 2, dtype=np.int32)


def cube(rank: int) -> T:
    return T((2,) * rank)


def numbers(*values: int) -> Any:
    return np.array(values, np.int32)


HALVES = [ops.Add(), ops.Mul(), ops.Div(), ops.Maximum(), ops.Pow(), ops.FloorMod(), ops.Less(), ops.NotEqual()]
RANKED = [
    *((op, lambda r: list(halves(r))) for op in HALVES),
    (ops.SelectV2(), lambda r: [T((2,) * r, DType.BOOL), *halves(r)]),
    *((op, lambda r: [cube(r), axes(r)]) for op in (ops.Sum(), ops.Mean(), ops.ReduceMax(), ops.ReduceProd())),
    (ops.ArgMax(), lambda r: [cube(r), numbers(0)]),
    (ops.Softmax(), lambda r: [cube(r)]),
    (ops.LogSoftmax(), lambda r: [cube(r)]),
    (ops.Gelu(), lambda r: [cube(r)]),
    (ops.Transpose(), lambda r: [cube(r), numbers(*range(r - 1, -1, -1))]),
    (ops.Reshape(), lambda r: [cube(r), numbers(-1)]),
    (ops.Slice(), lambda r: [cube(r), numbers(*[1] * r), numbers(*[1] * r)]),
    (ops.StridedSlice(), lambda r: [cube(r), numbers(*[0] * r), numbers(*[2] * r), numbers(*[2] * r)]),
    (ops.Pad(), lambda r: [cube(r), np.ones((r, 2), np.int32)]),
    (ops.PadV2(), lambda r: [cube(r), np.ones((r, 2), np.int32), C(3)]),
    (ops.Tile(), lambda r: [cube(r), numbers(*[2] * r)]),
    (ops.BroadcastTo(), lambda r: [halves(r)[0], numbers(*[2] * r)]),
    (ops.Concatenation(axis=0), lambda r: [cube(r), cube(r)]),
    (ops.Split(num_splits=2), lambda r: [numbers(0).reshape(()), cube(r)]),
    (ops.Gather(axis=-1), lambda r: [cube(r), numbers(1, 0)]),
    (ops.BatchMatmul(), lambda r: [cube(r), cube(r)]),
    (ops.FullyConnected(keep_num_dims=True), lambda r: [cube(r), C(np.ones((3, 2))), C(np.zeros(3))]),
]


@pytest.mark.parametrize(("operator", "operands"), [pytest.param(*row, id=row[0].name) for row in RANKED])
def test_the_highest_rank_runs(operator: ops.Operator, operands: Any) -> None:
    graph, found = run(Case(operator, operands(operator.max_rank), types=[DType.FLOAT32]), DType.FLOAT32)
    assert np.shape(found["out0"]) == graph.outputs[0].shape


BEYOND = [row for row in RANKED if row[0].max_rank < 8 and not isinstance(row[0], ops.Pad)]


@pytest.mark.parametrize(("operator", "operands"), [pytest.param(*row, id=row[0].name) for row in BEYOND])
def test_one_rank_more_does_not_run(operator: ops.Operator, operands: Any) -> None:
    case = Case(operator, operands(operator.max_rank + 1), types=[DType.FLOAT32])
    with pytest.raises(RuntimeError):
        run(case, DType.FLOAT32)


F32 = DType.FLOAT32


def value(*shape: int, dtype: DType = F32) -> Value:
    return Value(TensorType(dtype, shape), "x")


REFUSED = [
    (ops.Add(), [value(2), value(2, dtype=DType.INT32)], "different types"),
    (ops.Add(), [value(2), value(3)], "do not broadcast"),
    (ops.Add(), [value(2)], "needs 2 inputs, has 1"),
    (ops.Atan2(), [value(2), value(1)], "does not broadcast"),
    (ops.Prelu(), [value(1), value(3)], "does not fit"),
    (ops.Conv2D(), [value(1, 2, 2, 3), value(4, 3, 3, 3)], "larger than its input"),
    (ops.Conv2D(stride=(0, 1)), [value(1, 2, 2, 3), value(4, 1, 1, 3)], "at steps of"),
    (ops.DepthwiseConv2D(), [value(1, 4, 4, 3), value(1, 3, 3, 6), None], "multiplier 1"),
    (ops.TransposeConv(), [constant(numbers(1, 9, 9, 4)), value(4, 3, 3, 3), value(1, 2, 2, 3)], "lead back"),
    (ops.FullyConnected(), [value(2, 3), value(4, 5)], "do not fit"),
    (ops.BatchMatmul(), [value(2, 3), value(2, 3)], "3 against 2"),
    (ops.Reshape(), [value(2, 3), constant(numbers(4, 2))], "does not fit in"),
    (ops.Transpose(), [value(2, 3), constant(numbers(0, 0))], "not a permutation"),
    (ops.Slice(), [value(2), constant(numbers(1)), constant(numbers(2))], "outside"),
    (ops.Squeeze(squeeze_dims=(0,)), [value(2)], "is not 1"),
    (ops.Concatenation(axis=1), [value(2, 3), value(3, 3)], "do not fit along axis 1"),
    (ops.Split(num_splits=2), [constant(numbers(0)), value(3)], "does not split"),
    (ops.Gather(axis=2), [value(2, 2), constant(numbers(0))], "axis 2 is outside rank 2"),
    (ops.TopkV2(), [value(2), constant(numbers(3))], "3 of"),
    (ops.UnidirectionalSequenceLstm(), [value(1, 2, 3)], "needs 20 or 24 inputs"),
]


@pytest.mark.parametrize(("operator", "operands", "why"), [pytest.param(*r, id=f"{r[0].name}-{r[2]}") for r in REFUSED])
def test_infer_says_why_it_refuses(operator: ops.Operator, operands: list[Value], why: str) -> None:
    with pytest.raises(InvalidGraphError, match=why):
        operator.infer(*operands)


UNKNOWN = [
    (ops.Reshape(), [value(2), value(1, dtype=DType.INT32)]),
    (ops.Where(), [value(2)]),
    (ops.Unique(), [value(2)]),
    (ops.If(), [value()]),
    (ops.ReadVariable(), [value(1, dtype=DType.RESOURCE)]),
    (ops.Opaque("CUSTOM", custom_code="Mine"), [value(2)]),
]


@pytest.mark.parametrize(("operator", "operands"), [pytest.param(*row, id=row[0].name) for row in UNKNOWN])
def test_what_depends_on_data_is_not_inferred(operator: ops.Operator, operands: list[Value]) -> None:
    with pytest.raises(NotInferred, match="give the results' types"):
        operator.infer(*operands)


def test_variables_keep_their_value_between_runs() -> None:
    handle = TensorType(DType.RESOURCE, (1,))
    one = TensorType(F32, (1,))
    init = Graph("init")
    b = Builder(init)
    b.emit_many(ops.AssignVariable(), b.emit(ops.VarHandle(shared_name="count")), b.const([5.0]))
    main = Graph("main", signature=SIGNATURE, output_names=["count"])
    b = Builder(main)
    x = b.input(one, "x")
    b.emit_many(ops.CallOnce(init_subgraph="init"))
    count = b.emit(ops.VarHandle(shared_name="count"))
    assert count.type == handle
    (old,) = b.emit_many(ops.ReadVariable(), count, types=(one,))
    new = b.emit(ops.Add(), old, x)
    b.emit_many(ops.AssignVariable(), count, new)
    main.outputs = [new]
    runner = Interpreter(model_content=to_bytes(Module([main, init]))).get_signature_runner()
    assert [runner(x=np.ones(1, np.float32))["count"][0] for _ in range(3)] == [6.0, 7.0, 8.0]


def test_quantize_and_dequantize_are_inverse_on_the_grid() -> None:
    graph = Graph("main", signature=SIGNATURE, output_names=["y"])
    b = Builder(graph)
    x = b.input(TensorType(F32, (4,)), "x")
    q = b.emit(ops.Quantize(to=DType.INT8), x)
    q.quantization = Quantization((0.5,), (-3,))
    graph.outputs = [b.emit(ops.Dequantize(), q)]
    assert [v.dtype for v in (q, graph.outputs[0])] == [DType.INT8, F32]
    runner = Interpreter(model_content=to_bytes(Module([graph]))).get_signature_runner()
    data = np.array([-2.0, 0.0, 0.5, 7.0], np.float32)
    np.testing.assert_array_equal(runner(x=data)["y"], data)


def test_inputs_are_the_same_numbers_in_every_type() -> None:
    case = Case(ops.Add(), [T((3,)), T((3,))])
    wide, narrow = inputs(case, F32), inputs(case, DType.INT16)
    assert all((wide[k] == narrow[k]).all() for k in wide)
