"""Loops and branches, written by hand, through all passes, in LiteRT against NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import LiteRT, evaluate
from liteport.errors import InvalidGraphError
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, Value
from liteport.ir.types import Array, DType, TensorType
from liteport.lowering import basic, control
from liteport.passes.pipeline import optimise

BIG = np.arange(600, dtype=np.float32).reshape(2, 300)
Values = Sequence[Value]


def module(build: Callable[[Builder, Value], Values]) -> Module:
    """`build` on an input x[2, 3], and the bodies that it makes."""
    graph = Graph("main", signature="main")
    b = Builder(graph)
    graph.outputs = list(build(b, b.input(TensorType(DType.FLOAT32, (2, 3)), "x")))
    graph.output_names = [f"y{i}" for i in range(len(graph.outputs))]
    return Module([graph, *b.bodies])


def counted(b: Builder, times: int, step: Callable[[Builder, Values], Values], start: Values) -> Values:
    """`step` on `start`, `times` over."""

    def test(b: Builder, values: Values) -> Values:
        return [b.emit(ops.Less(), values[0], b.const(times))]

    def counting(b: Builder, values: Values) -> Values:
        return [b.emit(ops.Add(), values[0], b.const(1)), *step(b, values[1:])]

    return control.loop(b, test, counting, [b.const(0), *start])[1:]


def square(b: Builder, x: Value) -> Value:
    return b.emit(ops.Mul(), x, x)


def add(b: Builder, x: Value, y: Value) -> Value:
    return b.emit(ops.Add(), x, y)


def is_positive(b: Builder, x: Value) -> Value:
    return b.emit(ops.Greater(), basic.reduce(b, ops.Sum, x, [0, 1]), b.const(0.0))


def swapped(b: Builder, x: Value) -> Values:
    return counted(b, 3, lambda b, v: [v[1], v[0]], [x, square(b, x)])


def doubled(b: Builder, x: Value) -> Values:
    def step(b: Builder, v: Values) -> Values:
        both = add(b, v[0], v[1])
        return [both, both]

    return counted(b, 2, step, [x, square(b, x)])


def closed_over(b: Builder, x: Value) -> Values:
    outer = square(b, x)
    return counted(b, 3, lambda b, v: [add(b, basic.reshape(b, v[0], (2, 3)), outer)], [x])


def nested(b: Builder, x: Value) -> Values:
    outer = square(b, x)

    def step(b: Builder, v: Values) -> Values:
        here = add(b, v[0], outer)
        return counted(b, 2, lambda b, w: [add(b, add(b, w[0], outer), here)], [v[0]])

    return counted(b, 2, step, [x])


def nested_numbers(x: Array) -> list[Array]:
    value = x
    for _ in range(2):
        here = value + x * x
        for _ in range(2):
            value = value + x * x + here
    return [value]


def branched(b: Builder, x: Value) -> Values:
    outer = square(b, x)

    def yes(b: Builder) -> Values:
        both = add(b, x, outer)
        return [both, both, x]

    def no(b: Builder) -> Values:
        return [b.const(np.full((2, 3), 7, np.float32)), outer, x]

    return control.branch(b, is_positive(b, x), yes, no)


def branched_numbers(x: Array) -> list[Array]:
    return [x + x * x, x + x * x, x] if x.sum() > 0 else [np.full_like(x, 7), x * x, x]


WEIGHTS = np.random.default_rng(3).standard_normal((3, 3)).astype(np.float32)


def computed_weights(b: Builder, x: Value) -> Values:
    """Weights that are constant only once some arithmetic is done, in a loop and in the branches of it."""
    weights = b.emit(ops.Exp(), b.const(WEIGHTS / 4))

    def times(b: Builder, v: Value) -> Value:
        return b.emit(ops.BatchMatmul(), v, weights)

    def step(b: Builder, v: Values) -> Values:
        return control.branch(b, is_positive(b, v[0]), lambda b: [times(b, v[0])], lambda b: [v[0]])

    return counted(b, 2, step, [times(b, x)])


def computed_weights_numbers(x: Array) -> list[Array]:
    weights = np.exp(WEIGHTS / 4)
    value = x @ weights
    for _ in range(2):
        value = value @ weights if value.sum() > 0 else value
    return [value]


@dataclass
class Case:
    id: str
    build: Callable[[Builder, Value], Values]
    numbers: Callable[[Array], list[Array]]


CASES = [
    Case("swap", swapped, lambda x: [x * x, x]),
    Case("one_value_twice", doubled, lambda x: [2 * (x + x * x)] * 2),
    Case("closure", closed_over, lambda x: [x + 3 * x * x]),
    Case("nested", nested, nested_numbers),
    Case("branches", branched, branched_numbers),
    Case("weights", computed_weights, computed_weights_numbers),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
@pytest.mark.parametrize("delegate", [True, False])
def test_control(case: Case, delegate: bool) -> None:
    made = module(case.build)
    optimise(made, evaluate, debug=True)
    runner = LiteRT(to_bytes(made), threads=1, delegate=delegate)
    rng = np.random.default_rng(0)
    for shift in (0.6, -0.6):
        x = (rng.standard_normal((2, 3)) + shift).astype(np.float32)
        results = runner.run({"x": x})
        for i, want in enumerate(case.numbers(x)):
            np.testing.assert_allclose(results[f"y{i}"], want, rtol=1e-5, atol=1e-5)


def test_constants_are_shared_between_graphs() -> None:
    def build(b: Builder, x: Value) -> Values:
        weight = b.const(BIG)
        start = b.emit(ops.FullyConnected(), x, b.const(BIG.T[:, :2].repeat(2, 1)[:, :3]))
        rows = b.emit(ops.FullyConnected(), start, b.const(BIG), None)

        def step(b: Builder, v: Values) -> Values:
            return [b.emit(ops.FullyConnected(), v[0], weight, None)]

        return [rows, *control.branch(b, is_positive(b, x), lambda b: step(b, [start]), lambda b: step(b, [start]))]

    assert BIG.nbytes <= len(to_bytes(module(build))) < 4 * BIG.nbytes


def test_constants_are_handed_down() -> None:
    made = module(computed_weights)
    assert [len(graph.inputs) for graph in made.graphs] == [1, 3, 3, 2, 2]
    optimise(made, evaluate, debug=True)
    assert [len(graph.inputs) for graph in made.graphs] == [1, 2, 2, 1, 1]
    assert [op.name for op in made.graph("main/step/then").ops] == ["FULLY_CONNECTED"]


def test_graphs_of_several_are_left_alone() -> None:
    made = module(computed_weights)
    loop = next(op for op in made.graphs[0].ops if isinstance(op.operator, ops.While))
    again = Builder(made.graphs[0]).emit_many(loop.operator, *loop.inputs)
    made.graphs[0].outputs.append(again[1])
    made.graphs[0].output_names.append("y1")
    optimise(made, evaluate, debug=True)
    assert len(made.graph("main/step").inputs) == 3


def test_types_must_not_change() -> None:
    with pytest.raises(InvalidGraphError, match="step of a loop changes the type"):
        module(lambda b, x: counted(b, 3, lambda b, v: [basic.reshape(b, v[0], (6,))], [x]))
    with pytest.raises(InvalidGraphError, match="different types"):
        module(lambda b, x: control.branch(b, is_positive(b, x), lambda b: [x], lambda b: [is_positive(b, x)]))
