"""Reshapes and transposes as one movement, past linear layers too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.lowering.basic import reshape, transpose
from liteport.passes.dead import DropDead
from liteport.passes.merge_moves import MergeMoves
from liteport.passes.moves import Movement
from liteport.passes.simplify import Simplify
from tests.passes.support import GraphCase, check, make, weights

MAP = [(1, 6, 4, 8)]
UNEVEN = {14, 17}  # seeds whose chains cut a dimension at no divisor of it
ONE = ["RESHAPE", "TRANSPOSE", "RESHAPE"]


def linear(b: Builder, x: Value, outputs: int) -> Value:
    w, bias = weights(outputs, x.shape[-1]), weights(outputs)
    return b.emit(ops.FullyConnected(keep_num_dims=True), x, b.const(w), b.const(bias))


def windows(b: Builder, x: Value) -> Value:
    """[1,6,4,C] as 4 windows of 3x2."""
    x = transpose(b, reshape(b, x, (1, 2, 3, 2, 2, x.shape[-1])), [0, 1, 3, 2, 4, 5])
    return reshape(b, x, (4, 6, x.shape[-1]))


def whole(b: Builder, x: Value) -> Value:
    """The map that `windows` cut up."""
    x = transpose(b, reshape(b, x, (1, 2, 2, 3, 2, x.shape[-1])), [0, 1, 3, 2, 4, 5])
    return reshape(b, x, (1, 6, 4, x.shape[-1]))


def heads(b: Builder, x: Value) -> Value:
    """[4,6,C] as [4,2,6,C/2]."""
    return transpose(b, reshape(b, x, (4, 6, 2, x.shape[-1] // 2)), [0, 2, 1, 3])


def merged(b: Builder, x: Value) -> Value:
    """The inverse of `heads`."""
    return reshape(b, transpose(b, x, [0, 2, 1, 3]), (4, 6, 2 * x.shape[-1]))


def three(b: Builder, xs: list[Value]) -> list[Value]:
    """Several linear layers on the same windows."""
    x = windows(b, xs[0])
    return [b.emit(ops.Abs(), heads(b, linear(b, x, n))) for n in (4, 6, 8)]


def shared(b: Builder, xs: list[Value]) -> list[Value]:
    x = windows(b, xs[0])
    return [heads(b, x), b.emit(ops.Abs(), x)]


CASES = [
    GraphCase("windows and heads", lambda b, xs: heads(b, windows(b, xs[0])), MAP, ONE),
    GraphCase("there and back", lambda b, xs: b.emit(ops.Abs(), whole(b, merged(b, heads(b, windows(b, xs[0]))))), MAP, ["ABS"]),
    GraphCase("a transpose that a reshape undoes", lambda b, xs: reshape(b, transpose(b, reshape(b, xs[0], (24, 1, 8)), [1, 0, 2]), (6, 4, 8)), MAP, ["RESHAPE"]),
    GraphCase("ones at the end are there from the start", lambda b, xs: reshape(b, transpose(b, reshape(b, xs[0], (6, 4, 8)), [1, 2, 0]), (1, 4, 8, 6)), [(24, 8)], ["RESHAPE", "TRANSPOSE"]),
    GraphCase("ones between", lambda b, xs: reshape(b, transpose(b, reshape(b, xs[0], (6, 4, 8)), [1, 2, 0]), (4, 1, 8, 6)), [(24, 8)], ["RESHAPE", "TRANSPOSE"]),
    GraphCase("no common divisor: stays", lambda b, xs: transpose(b, reshape(b, transpose(b, xs[0], [0, 2, 1, 3]), (3, 8, 8)), [1, 0, 2]), MAP, ["TRANSPOSE", "RESHAPE", "TRANSPOSE"]),
    GraphCase("another user between: stays", shared, MAP, ["RESHAPE", "TRANSPOSE", "RESHAPE", "RESHAPE", "TRANSPOSE", "ABS"]),
    GraphCase("windows, linear, heads", lambda b, xs: heads(b, linear(b, windows(b, xs[0]), 12)), MAP, ["FULLY_CONNECTED", *ONE]),
    GraphCase("heads, linear, map", lambda b, xs: whole(b, linear(b, merged(b, xs[0]), 5)), [(4, 2, 6, 4)], [*ONE, "FULLY_CONNECTED"]),
    GraphCase("several linear layers", three, MAP, ["FULLY_CONNECTED", *ONE, "ABS"] * 3),
    GraphCase("a linear layer without another transpose: stays", lambda b, xs: linear(b, windows(b, xs[0]), 5), MAP, [*ONE, "FULLY_CONNECTED"]),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_merge_moves(case: GraphCase) -> None:
    check(case, MergeMoves(), Simplify(), DropDead())


def test_merge_moves_says_why_not() -> None:
    def build(b: Builder, xs: list[Value]) -> list[Value]:
        x = linear(b, windows(b, xs[0]), 12)
        return [heads(b, x), x]

    merge = MergeMoves()
    assert not merge.run(make(build, MAP))
    assert any("its result is not transposed again" in why for _, why in merge.declined)


def chain(b: Builder, x: Value, rng: np.random.Generator) -> None:
    """Four random movements: a dimension split or two merged, then all of them shuffled."""
    for _ in range(4):
        x = reshape(b, x, other_shape(rng, x.shape))
        x = transpose(b, x, [int(i) for i in rng.permutation(x.rank)])


def other_shape(rng: np.random.Generator, shape: Sequence[int]) -> Sequence[int]:
    at = int(rng.integers(max(len(shape) - 1, 1)))
    if rng.random() < 0.4 and len(shape) > 1:
        return (*shape[:at], shape[at] * shape[at + 1], *shape[at + 2 :])
    divisor = int(rng.choice([d for d in range(1, shape[at] + 1) if shape[at] % d == 0]))
    return (*shape[:at], divisor, shape[at] // divisor, *shape[at + 1 :])


@pytest.mark.parametrize("seed", range(30))
def test_movement_is_what_its_chain_does(seed: int) -> None:
    array = np.arange(4 * 3 * 6 * 2).reshape(4, 3, 6, 2)
    graph = make(lambda b, xs: xs[0], [array.shape])
    chain(Builder(graph), graph.inputs[0], np.random.default_rng(seed))
    expected = array
    for op in graph.ops:
        to = op.operand(1).array
        expected = expected.transpose(to) if isinstance(op.operator, ops.Transpose) else expected.reshape(to)
    found = Movement.along(graph.ops, array.shape)
    assert found is not None or seed in UNEVEN
    for each in (found, found.simple(), found.with_ones()) if found is not None else ():
        if each is None:
            continue
        np.testing.assert_array_equal(array.reshape(each.sizes).transpose(each.order).reshape(each.target), expected)
