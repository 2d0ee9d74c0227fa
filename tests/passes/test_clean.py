"""simplify, common, dead, fold and legalize."""

from __future__ import annotations

import numpy as np
import pytest

from liteport.check.litert import evaluate
from liteport.errors import UnsupportedError
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering.basic import broadcast_to, cast, concat, narrow, reduce, reshape, transpose
from liteport.passes.common import ShareCommon
from liteport.passes.dead import DropDead
from liteport.passes.empty import DropEmpty
from liteport.passes.expand import Expand
from liteport.passes.fold import Fold
from liteport.passes.legalize import Legalize
from liteport.passes.outputs import OwnOutputs
from liteport.passes.simplify import Simplify
from liteport.passes.sink import SinkReshape
from tests.passes.support import GraphCase, check, make, run, weights

X = [(2, 3, 4)]


def unary(b: Builder, x: Value) -> Value:
    return b.emit(ops.Abs(), x)


def strided(b: Builder, x: Value, begin: list[int], end: list[int], strides: list[int], **masks: int) -> Value:
    return b.emit(ops.StridedSlice(**masks), x, *(b.const(np.array(each, np.int32)) for each in (begin, end, strides)))


SIMPLE = [
    GraphCase("two reshapes", lambda b, xs: unary(b, reshape(b, reshape(b, xs[0], (6, 4)), (24,))), X, ["RESHAPE", "ABS"]),
    GraphCase("a reshape there and back", lambda b, xs: unary(b, reshape(b, reshape(b, xs[0], (6, 4)), (2, 3, 4))), X, ["ABS"]),
    GraphCase("a transpose of ones between reshapes", lambda b, xs: unary(b, reshape(b, transpose(b, reshape(b, xs[0], (2, 3, 1, 4)), [0, 2, 1, 3]), (2, 1, 12))), X, ["RESHAPE", "ABS"]),
    GraphCase("a transpose of more between reshapes stays", lambda b, xs: unary(b, reshape(b, transpose(b, reshape(b, xs[0], (2, 3, 2, 2)), [0, 2, 1, 3]), (2, 12))), X, ["RESHAPE", "TRANSPOSE", "RESHAPE", "ABS"]),
    GraphCase("two transposes", lambda b, xs: unary(b, transpose(b, transpose(b, xs[0], [1, 2, 0]), [0, 2, 1])), X, ["TRANSPOSE", "ABS"]),
    GraphCase("transposes that cancel", lambda b, xs: unary(b, transpose(b, transpose(b, xs[0], [1, 2, 0]), [2, 0, 1])), X, ["ABS"]),
    GraphCase("a cast there and back", lambda b, xs: cast(b, cast(b, cast(b, cast(b, xs[0], DType.INT32), DType.INT64), DType.INT32), DType.FLOAT32), X, ["CAST", "CAST"]),
    GraphCase("a lossy cast there and back stays", lambda b, xs: cast(b, cast(b, xs[0], DType.INT32), DType.FLOAT32), X, ["CAST", "CAST"]),
    GraphCase("a broadcast before arithmetic", lambda b, xs: b.emit(ops.Add(), xs[0], broadcast_to(b, xs[1], (2, 3, 4))), [*X, (3, 1)], ["RESHAPE", "ADD"]),
    GraphCase("a broadcast that shapes the result stays", lambda b, xs: b.emit(ops.Add(), broadcast_to(b, xs[0], (2, 3, 4)), xs[1]), [(3, 1), (1, 4)], ["BROADCAST_TO", "ADD"]),
    GraphCase("neutral numbers", lambda b, xs: unary(b, b.emit(ops.Add(), b.const(np.zeros(4, np.float32)), b.emit(ops.Div(), b.emit(ops.Mul(), xs[0], b.const(np.ones(4, np.float32))), b.const(1.0)))), X, ["ABS"]),
    GraphCase("a reshape without leading ones before arithmetic", lambda b, xs: b.emit(ops.Add(), xs[0], reshape(b, unary(b, xs[1]), (4,))), [(1, 4), (1, 4)], ["ABS", "ADD"]),
    GraphCase("a reshape to other ones stays", lambda b, xs: b.emit(ops.Add(), xs[0], reshape(b, unary(b, xs[1]), (4, 1))), [(4, 4), (1, 4)], ["ABS", "RESHAPE", "ADD"]),
    GraphCase("a strided slice in steps of one", lambda b, xs: strided(b, xs[0], [0, -3, 1], [2, 3, 9], [1, 1, 1], begin_mask=1, end_mask=1), X, ["SLICE"]),
    GraphCase("other strided slices stay", lambda b, xs: strided(b, strided(b, xs[0], [0, 0, 0], [2, 3, 4], [1, 1, 2]), [1], [2], [1], shrink_axis_mask=1), X, ["STRIDED_SLICE", "STRIDED_SLICE"]),
    GraphCase("a truth twice", lambda b, xs: cast(b, b.emit(ops.LogicalAnd(), *[b.emit(ops.Greater(), xs[0], b.const(0.0))] * 2), DType.FLOAT32), X, ["GREATER", "CAST"]),
    GraphCase("neutral truths", lambda b, xs: cast(b, b.emit(ops.LogicalOr(), b.const(np.zeros(4, bool)), b.emit(ops.LogicalAnd(), b.emit(ops.Greater(), xs[0], b.const(0.0)), b.const(np.ones(4, bool)))), DType.FLOAT32), X, ["GREATER", "CAST"]),
    GraphCase("one divided by x stays", lambda b, xs: b.emit(ops.Div(), b.const(1.0), b.emit(ops.Exp(), xs[0])), X, ["EXP", "DIV"]),
    GraphCase("a slice of a part of a concatenation", lambda b, xs: narrow(b, concat(b, [xs[0], xs[1]], 1), 1, 4, 2), [(2, 3, 4), (2, 5, 4)], ["SLICE"]),
    GraphCase("a part of a concatenation", lambda b, xs: unary(b, narrow(b, concat(b, [xs[0], xs[1]], 1), 1, 3, 5)), [(2, 3, 4), (2, 5, 4)], ["ABS"]),
    GraphCase("a slice across parts stays", lambda b, xs: narrow(b, concat(b, [xs[0], xs[1]], 1), 1, 2, 2), [(2, 3, 4), (2, 5, 4)], ["CONCATENATION", "SLICE"]),
    GraphCase("a joined dimension that becomes part of another", lambda b, xs: unary(b, reshape(b, concat(b, [xs[0], xs[1]], 1), (2, 1, 8))), [(2, 1, 4), (2, 1, 4)], ["CONCATENATION", "ABS"]),
    GraphCase("parts that would need a reshape stay", lambda b, xs: unary(b, reshape(b, concat(b, [xs[0], xs[1]], 1), (2, 32))), [(2, 3, 4), (2, 5, 4)], ["CONCATENATION", "RESHAPE", "ABS"]),
    GraphCase("a joined dimension that is cut otherwise stays", lambda b, xs: unary(b, reshape(b, concat(b, [xs[0], xs[1]], 1), (4, 4, 4))), [(2, 4, 4), (2, 4, 4)], ["CONCATENATION", "RESHAPE", "ABS"]),
    GraphCase("kept dimensions", lambda b, xs: unary(b, reshape(b, reduce(b, ops.Mean, xs[0], [1]), (2, 1, 4))), X, ["MEAN", "ABS"]),
]  # fmt: skip


@pytest.mark.parametrize("case", SIMPLE, ids=lambda c: c.id)
def test_simplify(case: GraphCase) -> None:
    check(case, Simplify(), DropDead(), Simplify(), DropDead())


def test_common_operations_become_one() -> None:
    case = GraphCase("twice", lambda b, xs: b.emit(ops.Add(), unary(b, xs[0]), unary(b, xs[0])), X, ["ABS", "ADD"])
    check(case, ShareCommon())


def test_dead_operations_go_but_random_ones_stay() -> None:
    def build(b: Builder, xs: list[Value]) -> Value:
        unary(b, unary(b, xs[0]))
        return b.emit(ops.Neg(), xs[0])

    check(GraphCase("dead", build, X, ["NEG"]), DropDead())


FOLDED = [
    GraphCase("arithmetic", lambda b, xs: b.emit(ops.Add(), xs[0], b.emit(ops.Exp(), b.const(weights(3, 4)))), X, ["ADD"]),
    GraphCase("views", lambda b, xs: b.emit(ops.Add(), xs[0], transpose(b, reshape(b, b.const(weights(12)), (4, 3)), [1, 0])), X, ["ADD"]),
    GraphCase("a constant output stays computed", lambda b, xs: [unary(b, xs[0]), unary(b, b.const(weights(3)))], X, ["ABS", "ABS"]),
    GraphCase("too large to store", lambda b, xs: reduce(b, ops.Sum, b.emit(ops.Add(), broadcast_to(b, b.const(weights(1, 1)), (1024, 1024)), reduce(b, ops.Sum, xs[0], [0, 1, 2])), [0, 1]), X, ["BROADCAST_TO", "SUM", "ADD", "SUM"], 1e-3),
]  # fmt: skip


@pytest.mark.parametrize("case", FOLDED, ids=lambda c: c.id)
def test_fold(case: GraphCase) -> None:
    check(case, Fold(evaluate))


def test_a_type_without_a_kernel_is_folded_in_another() -> None:
    def build(b: Builder, xs: list[Value]) -> Value:
        distances = b.emit(ops.Abs(), b.const(np.arange(-2, 2, dtype=np.int64)))
        return b.emit(ops.Add(), xs[0], cast(b, distances, DType.FLOAT32))

    graph = make(build, X)
    Fold(evaluate).run(graph)
    np.testing.assert_array_equal(run(graph, [np.zeros(X[0], np.float32)])[0][0, 0], [2, 1, 0, 1])


def test_views_of_constants_copy_nothing() -> None:
    array = weights(12)

    def build(b: Builder, xs: list[Value]) -> Value:
        return b.emit(ops.Add(), xs[0], transpose(b, reshape(b, b.const(array), (4, 3)), [1, 0]))

    graph = make(build, [(3, 4)])
    Fold(evaluate).run(graph)
    assert np.shares_memory(graph.ops[0].operand(1).array, array)


EMPTY = [
    GraphCase("an inner value", lambda b, xs: b.emit(ops.Concatenation(axis=0), xs[0], b.emit(ops.Neg(), narrow(b, xs[0], 0, 0, 0))), X, ["CONCATENATION"]),
    GraphCase("an output", lambda b, xs: [unary(b, xs[0]), b.emit(ops.Neg(), narrow(b, xs[0], 1, 0, 0))], X, ["ABS", "SLICE", "RESHAPE"]),
]  # fmt: skip


@pytest.mark.parametrize("case", EMPTY, ids=lambda c: c.id)
def test_empty(case: GraphCase) -> None:
    check(case, DropEmpty(), DropDead())


SUNK = [
    GraphCase("a number and a vector", lambda b, xs: b.emit(ops.Add(), b.emit(ops.Mul(), reshape(b, xs[0], (1, 6, 4)), b.const(weights(1, 1, 4))), b.const(weights(1))), X, ["MUL", "ADD", "RESHAPE"]),
    GraphCase("a clamp", lambda b, xs: unary(b, reshape(b, xs[0], (24,))), X, ["ABS", "RESHAPE"]),
    GraphCase("a sum of two", lambda b, xs: b.emit(ops.Add(), reshape(b, xs[0], (24,)), reshape(b, xs[1], (24,))), X * 2, ["ADD", "RESHAPE"]),
    GraphCase("from different shapes: stays", lambda b, xs: b.emit(ops.Add(), reshape(b, xs[0], (24,)), reshape(b, xs[1], (24,))), [*X, (24, 1)], ["RESHAPE", "RESHAPE", "ADD"]),
    GraphCase("another user: stays", lambda b, xs: [unary(b, (y := reshape(b, xs[0], (24,)))), y], X, ["RESHAPE", "ABS"]),
    GraphCase("a constant for every place", lambda b, xs: b.emit(ops.Mul(), reshape(b, xs[0], (1, 2, 3, 4)), b.const(weights(2, 1, 4))), X, ["MUL", "RESHAPE"]),
    GraphCase("a constant repeated along a part of a dimension", lambda b, xs: b.emit(ops.Add(), reshape(b, xs[0], (2, 3, 2, 2)), b.const(weights(3, 1, 2))), X, ["ADD", "RESHAPE"]),
    GraphCase("a constant across dimensions: stays", lambda b, xs: b.emit(ops.Mul(), reshape(b, xs[0], (4, 6)), b.const(weights(4, 6))), [(3, 8)], ["RESHAPE", "MUL"]),
    GraphCase("a constant along a merged dimension: stays", lambda b, xs: b.emit(ops.Mul(), reshape(b, xs[0], (2, 12)), b.const(weights(12))), X, ["RESHAPE", "MUL"]),
]  # fmt: skip


@pytest.mark.parametrize("case", SUNK, ids=lambda c: c.id)
def test_sink(case: GraphCase) -> None:
    check(case, SinkReshape(), DropDead())


OUTPUTS = [
    GraphCase("an input", lambda b, xs: [xs[0], unary(b, xs[0])], X, ["ABS", "RESHAPE"]),
    GraphCase("twice", lambda b, xs: [(y := unary(b, xs[0])), y], X, ["ABS", "RESHAPE"]),
    GraphCase("a constant", lambda b, xs: [unary(b, xs[0]), b.const(weights(2, 3))], X, ["ABS", "RESHAPE"]),
    GraphCase("a number", lambda b, xs: [unary(b, xs[0]), b.const(2.0)], X, ["ABS", "RESHAPE"]),
    GraphCase("its own", lambda b, xs: [unary(b, xs[0]), b.emit(ops.Neg(), xs[0])], X, ["ABS", "NEG"]),
]  # fmt: skip


@pytest.mark.parametrize("case", OUTPUTS, ids=lambda c: c.id)
def test_own_outputs(case: GraphCase) -> None:
    graph = check(case, OwnOutputs())
    assert len({id(v) for v in graph.outputs}) == len(graph.outputs)


def test_an_output_without_elements_is_cut_out_of_an_input() -> None:
    graph = make(lambda b, xs: [unary(b, xs[0]), b.const(np.zeros((2, 0), np.float32))], X)
    OwnOutputs().run(graph)
    assert [op.name for op in graph.ops] == ["ABS", "SLICE", "RESHAPE"]
    assert run(graph, [weights(2, 3, 4)])[1].shape == (2, 0)


EXPANDED = [
    GraphCase("same rank", lambda b, xs: unary(b, broadcast_to(b, xs[0], (2, 3, 4))), [(2, 1, 4)], ["TILE", "ABS"]),
    GraphCase("lower rank", lambda b, xs: unary(b, broadcast_to(b, xs[0], (2, 3, 4))), [(3, 1)], ["RESHAPE", "TILE", "ABS"]),
]  # fmt: skip


@pytest.mark.parametrize("case", EXPANDED, ids=lambda c: c.id)
def test_expand(case: GraphCase) -> None:
    check(case, Expand())


def int64(b: Builder, x: Value) -> Value:
    return cast(b, x, DType.INT64)


LEGAL = [
    GraphCase("a missing type", lambda b, xs: cast(b, b.emit(ops.Abs(), int64(b, cast(b, xs[0], DType.INT32))), DType.FLOAT32), X, ["CAST", "CAST", "CAST", "ABS", "CAST", "CAST"]),
    GraphCase("seven dimensions", lambda b, xs: b.emit(ops.Add(), reshape(b, xs[0], (2, 1, 3, 1, 2, 1, 2, 1, 1)), b.const(weights(2, 1, 1, 1, 2, 1, 1, 1, 1))), X, ["RESHAPE", "RESHAPE", "RESHAPE", "ADD", "RESHAPE"]),
]  # fmt: skip


@pytest.mark.parametrize("case", LEGAL, ids=lambda c: c.id)
def test_legalize(case: GraphCase) -> None:
    graph = make(case.build, case.shapes)
    Legalize().run(graph)
    assert [op.name for op in graph.ops] == case.ops


def test_legalize_names_what_no_kernel_takes() -> None:
    def build(b: Builder, xs: list[Value]) -> Value:
        return b.emit(ops.Sin(), cast(b, xs[0], DType.COMPLEX64))

    with pytest.raises(UnsupportedError, match="SIN has no kernel for complex64"):
        Legalize().run(make(build, X))
