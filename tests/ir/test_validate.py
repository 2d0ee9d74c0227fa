"""validate: each rule of the IR, broken once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from liteport.errors import InvalidGraphError
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value, constant
from liteport.ir.types import DType, Source, TensorType
from liteport.ir.validate import validate

ROW = TensorType(DType.FLOAT32, (2, 3))


def graph() -> Graph:
    """y = relu(x + c)."""
    g = Graph("main", signature="run", output_names=["y"])
    b = Builder(g)
    b.source = Source("net.layer", "net.py:7")
    x = b.input(ROW, "x")
    total = b.emit(ops.Add(), x, b.const(np.ones((2, 3), np.float32), name="c"), name="total")
    g.outputs = [b.emit(ops.Relu(), total, name="y")]
    return g


def test_a_sound_graph_passes() -> None:
    validate(graph())


def swap(g: Graph) -> None:
    g.ops.reverse()


def retype(g: Graph) -> None:
    g.ops[0].output.type = TensorType(DType.FLOAT32, (3, 2))


def forget_producer(g: Graph) -> None:
    g.ops[0].output.producer = None


def forget_use(g: Graph) -> None:
    g.inputs[0].uses.clear()


def double_use(g: Graph) -> None:
    g.inputs[0].uses.append((g.ops[0], 0))


def stale_use(g: Graph) -> None:
    g.ops[0].output.uses.append((Op(ops.Relu(), [g.ops[0].output], []), 0))


def lose_op(g: Graph) -> None:
    del g.ops[1]


def foreign_output(g: Graph) -> None:
    g.outputs = [Value(ROW, "elsewhere")]


def foreign_input(g: Graph) -> None:
    g.set_input(g.ops[0], 0, Value(ROW, "elsewhere"))


def wrong_data(g: Graph) -> None:
    g.ops[0].operand(1).data = np.ones(6, np.float32)


def made_constant(g: Graph) -> None:
    c = g.ops[0].operand(1)
    c.producer = g.ops[1]


def input_twice(g: Graph) -> None:
    g.inputs *= 2


def made_input(g: Graph) -> None:
    g.inputs.append(g.ops[0].output)


def unnamed(g: Graph) -> None:
    g.output_names = []


def made_twice(g: Graph) -> None:
    g.ops.append(Op(ops.Relu(), [], [g.ops[1].output]))
    g.ops[1].output.producer = g.ops[2]


def unfit(g: Graph) -> None:
    g.set_input(g.ops[0], 1, constant(np.ones(4, np.float32), "four"))


RULES = [
    (swap, "total, is not made before it"),
    (retype, r"results float32\[3,2\] should be float32\[2,3\]"),
    (forget_producer, "does not know it as its producer"),
    (forget_use, "counts this use 0 times"),
    (double_use, "counts this use 2 times"),
    (stale_use, "knows a use by .* that is none"),
    (lose_op, "knows a use by"),
    (foreign_output, "output elsewhere is made by none"),
    (foreign_input, "elsewhere, is not made before it"),
    (wrong_data, r"constant c is float32\[2,3\], its data \(6,\)"),
    (made_constant, "constant c has a producer"),
    (input_twice, "an input stands twice"),
    (made_input, "input total has a producer"),
    (unnamed, "1 outputs and 0 names"),
    (made_twice, "does not know it as its producer"),
    (unfit, "do not broadcast"),
]


@pytest.mark.parametrize(("breaks", "why"), RULES)
def test_every_rule_is_checked(breaks: Any, why: str) -> None:
    g = graph()
    breaks(g)
    with pytest.raises(InvalidGraphError, match=why):
        validate(g)


def test_errors_say_where_the_operation_came_from() -> None:
    g = graph()
    retype(g)
    with pytest.raises(InvalidGraphError, match=r"graph main: <Op ADD total> net.layer \(net.py:7\)"):
        validate(g)


def test_types_that_cannot_be_told_are_believed() -> None:
    g = Graph()
    b = Builder(g)
    x = b.input(ROW, "x")
    g.outputs = list(b.emit_many(ops.Where(), x, types=(TensorType(DType.INT64, (6, 2)),)))
    validate(g)


def test_dynamic_dimensions_are_not_compared() -> None:
    g = graph()
    retype(g)
    for value in g.values():
        value.extra["shape_signature"] = (-1, 3)
    validate(g)


def test_states_need_no_producer() -> None:
    g = Graph()
    b = Builder(g)
    x = b.input(TensorType(DType.FLOAT32, (1, 2, 3)), "x")
    weights = [constant(np.zeros(shape, np.float32)) for shape in ((4, 3), (4, 4), (4,))]
    state = Value(TensorType(DType.FLOAT32, (1, 4)), "state", variable=True)
    g.outputs = [b.emit(ops.UnidirectionalSequenceRnn(), x, *weights, state)]
    validate(g)


def test_a_constant_may_serve_several_graphs() -> None:
    shared = constant(np.ones((2, 3), np.float32), "shared")
    for name in ("first", "second"):
        g = Graph(name)
        b = Builder(g)
        g.outputs = [b.emit(ops.Add(), b.input(ROW, "x"), shared)]
        validate(g)
