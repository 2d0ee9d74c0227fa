"""Which values are never negative, and the operations that show it."""

from __future__ import annotations

import numpy as np
import pytest

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering.basic import cast, concat, pad, reshape
from liteport.passes.signs import not_negative
from tests.passes.support import Build, make


def cubed(b: Builder, xs: list[Value]) -> Value:
    size = b.emit(ops.Abs(), xs[0])
    return b.emit(ops.Mul(), b.emit(ops.Mul(), size, size), size)


def weighted(b: Builder, xs: list[Value], sign: float) -> Value:
    weights = b.const(np.full((3, 4), sign, np.float32))
    return b.emit(ops.FullyConnected(), b.emit(ops.Exp(), xs[0]), weights, b.const(np.zeros(3, np.float32)))


def doubled(b: Builder, x: Value, times: int) -> Value:
    for _ in range(times):
        x = b.emit(ops.Add(), x, x)
    return x


SHOWN: list[tuple[str, Build, list[str] | None]] = [
    ("a clamp", lambda b, xs: b.emit(ops.Relu(), xs[0]), ["RELU"]),
    ("a fused clamp", lambda b, xs: b.emit(ops.Add(activation=ops.Activation.RELU), xs[0], xs[0]), ["ADD"]),
    ("a square", lambda b, xs: b.emit(ops.Mul(), xs[0], xs[0]), ["MUL"]),
    ("a cube of sizes, in order", cubed, ["ABS", "MUL", "MUL"]),
    ("joined and moved", lambda b, xs: reshape(b, concat(b, [pad(b, b.emit(ops.Abs(), xs[0]), [(0, 0), (1, 1)])] * 2, 0), (24,)), ["ABS", "PAD", "CONCATENATION", "RESHAPE"]),
    ("weights that are none", lambda b, xs: weighted(b, xs, 2.0), ["EXP", "FULLY_CONNECTED"]),
    ("weights that are", lambda b, xs: weighted(b, xs, -2.0), None),
    ("an input", lambda b, xs: b.emit(ops.Add(), xs[0], b.emit(ops.Relu(), xs[0])), None),
    ("integers", lambda b, xs: b.emit(ops.Add(), *[cast(b, xs[0], DType.INT32)] * 2), None),
    ("many ways to one", lambda b, xs: doubled(b, b.emit(ops.Abs(), xs[0]), 60), ["ABS", *["ADD"] * 60]),
]  # fmt: skip


@pytest.mark.parametrize(("build", "shown"), [pytest.param(*row[1:], id=row[0]) for row in SHOWN])
def test_not_negative(build: Build, shown: list[str] | None) -> None:
    graph = make(build, [(2, 4)])
    found = not_negative(graph, graph.outputs[0])
    assert (None if found is None else [op.name for op in found]) == shown
