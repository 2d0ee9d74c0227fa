"""merge_carried, hoist_layers and fuse_update: loops as TensorFlow's converter writes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import LiteRT
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, Value
from liteport.ir.types import Array, DType, TensorType
from liteport.ir.validate import validate
from liteport.lowering import basic, control
from liteport.passes.common import ShareCommon
from liteport.passes.dead import DropDead
from liteport.passes.fuse_bias import FuseBias
from liteport.passes.fuse_update import FuseUpdate
from liteport.passes.hoist_layers import HoistLayers
from liteport.passes.merge_carried import MergeCarried
from liteport.passes.simplify import Simplify
from tests.passes.support import weights

STEPS, SIZE = 5, 3
Step = Callable[[Builder, list[Value]], list[Value]]


@dataclass
class Case:
    """A loop over [number, number, list[5,1,3], state[1,3]] and x[5,1,3] from outside, by `step`; what the passes must
    leave in its graphs, and in the one around it."""

    id: str
    step: Step
    body: str
    test: str = "LESS"
    around: str = "WHILE"
    places: int = 4
    starts: tuple[int, int] = (0, 0)
    limit: int = STEPS


def one(b: Builder, value: Value) -> Value:
    return b.emit(ops.Add(), value, b.const(np.int32(1)))


def layer(b: Builder, x: Value, seed: int = 0) -> Value:
    return b.emit(ops.FullyConnected(), x, b.const(weights(SIZE, SIZE, seed=seed)), None)


def row(b: Builder, x: Value, at: Value) -> Value:
    return b.emit(ops.Gather(), x, at)


def written(b: Builder, rows: Value, at: Value, new: Value, turned: bool = False) -> Value:
    """rows with `new` at `at`, by two slices and what stands between them; or the slices change places."""
    front = basic.concat(b, [basic.reshape(b, at, (1,)), basic.ints(b, [-1, -1])], 0)
    behind = basic.concat(b, [basic.reshape(b, one(b, at), (1,)), basic.ints(b, [0, 0])], 0)
    zeros, rest = basic.ints(b, [0, 0, 0]), basic.ints(b, [-1, -1, -1])
    rest_type = TensorType(DType.FLOAT32, (2, 1, SIZE))
    [before] = b.emit_many(ops.Slice(), rows, zeros, front, types=(rest_type,))
    [after] = b.emit_many(ops.Slice(), rows, behind, rest, types=(rest_type,))
    for part in (before, after):  # how many rows there are is known when it runs
        part.extra["shape_signature"] = (-1, 1, SIZE)
    before, after = (after, before) if turned else (before, after)
    middle = basic.reshape(b, new, (1, 1, SIZE))
    return b.emit(ops.Concatenation(axis=0), before, middle, after)


def twice_counted(b: Builder, v: list[Value]) -> list[Value]:
    """The state of a simple recurrent layer."""
    total = b.emit(ops.Add(), layer(b, row(b, v[4], v[1])), basic.reshape(b, layer(b, v[3], 1), (SIZE,)))
    state = b.emit(ops.Tanh(), b.emit(ops.Add(), total, b.const(weights(SIZE, seed=2))))
    return [one(b, v[0]), one(b, v[1]), written(b, v[2], v[1], state), state]


def other_rows(b: Builder, v: list[Value]) -> list[Value]:
    """Rows of which each is seen several times."""
    at = b.emit(ops.Minimum(), v[1], b.const(np.int32(2)))
    return [one(b, v[0]), one(b, v[1]), v[2], b.emit(ops.Add(), v[3], layer(b, row(b, v[4], at)))]


def every_row(b: Builder, v: list[Value]) -> list[Value]:
    state = b.emit(ops.Add(), v[3], layer(b, row(b, v[4], v[1])))
    return [one(b, v[0]), one(b, v[1]), v[2], state]


def computed_row(b: Builder, v: list[Value]) -> list[Value]:
    at = b.emit(ops.Minimum(), v[1], b.const(np.int32(3)))
    return [one(b, v[0]), one(b, v[1]), written(b, v[2], at, v[3]), v[3]]


def turned_round(b: Builder, v: list[Value]) -> list[Value]:
    return [one(b, v[0]), one(b, v[1]), written(b, v[2], v[1], v[3], turned=True), v[3]]


CASES = [
    Case("recurrent", twice_counted, "GATHER FULLY_CONNECTED ADD TANH ADD RESHAPE RESHAPE CONCATENATION DYNAMIC_UPDATE_SLICE", around="FULLY_CONNECTED WHILE"),
    Case("every row", every_row, "GATHER ADD ADD", around="FULLY_CONNECTED WHILE"),
    Case("rows that are not counted through", other_rows, "MINIMUM ADD GATHER FULLY_CONNECTED ADD"),
    Case("not all rows", every_row, "GATHER FULLY_CONNECTED ADD ADD", limit=3),
    Case("numbers that begin apart", every_row, "GATHER FULLY_CONNECTED ADD ADD ADD", "LESS LESS LOGICAL_AND", starts=(1, 0), places=5),
    Case("a row by a computed number", computed_row, "MINIMUM ADD RESHAPE RESHAPE CONCATENATION DYNAMIC_UPDATE_SLICE"),
    Case("slices that change places", turned_round, "ADD RESHAPE CONCATENATION RESHAPE CONCATENATION SLICE SLICE RESHAPE CONCATENATION"),
]  # fmt: skip


def module_of(case: Case) -> Module:
    graph = Graph(signature="main")
    b = Builder(graph)
    x = b.input(TensorType(DType.FLOAT32, (STEPS, 1, SIZE)), "x")

    def test(b: Builder, v: list[Value]) -> list[Value]:
        first, second = (b.emit(ops.Less(), n, b.const(np.int32(case.limit))) for n in v[:2])
        return [b.emit(ops.LogicalAnd(), first, second)]

    def step(b: Builder, v: list[Value]) -> list[Value]:
        return [*case.step(b, v), v[4]]

    numbers = [b.const(np.int32(n)) for n in case.starts]
    start = [*numbers, b.const(np.zeros((STEPS, 1, SIZE), np.float32)), b.const(weights(1, SIZE, seed=3)), x]
    results = control.loop(b, test, step, start)  # type: ignore[arg-type]
    graph.outputs, graph.output_names = [results[2], results[3]], ["rows", "state"]
    return Module([graph, *b.bodies])


def run(module: Module, x: Array) -> dict[str, Array]:
    return LiteRT(to_bytes(module), threads=1).run({"x": x})


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_loops(case: Case) -> None:
    module, x = module_of(case), weights(STEPS, 1, SIZE, seed=4)
    expected = run(module, x)
    for graph in module.graphs:
        chain = (MergeCarried(module), HoistLayers(module), FuseUpdate(), FuseBias(), Simplify(), ShareCommon())
        for each in (*chain, Simplify(), DropDead()):
            each.run(graph)
        validate(graph)
    for name, found in run(module, x).items():
        np.testing.assert_allclose(found, expected[name], rtol=0, atol=1e-6)
    main, test, body = module.graphs
    left = tuple(" ".join(op.name for op in graph.ops) for graph in (main, test, body))
    assert left == (case.around, case.test, case.body)
    assert len(main.find(ops.While)[0].inputs) == case.places
