"""Channel permutations folded into weights."""

from __future__ import annotations

import numpy as np
import pytest

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.lowering.basic import concat, gather, narrow, pad, reshape, transpose
from liteport.passes.channels import RouteChannels
from liteport.passes.dead import DropDead
from liteport.passes.shuffle import GatherToShuffle, ShuffleToGather
from tests.passes.support import GraphCase, check, conv, depthwise


def shuffle(b: Builder, x: Value, groups: int) -> Value:
    """As PyTorch code writes it, with channels last."""
    *lead, channels = x.shape
    split = reshape(b, x, (*lead, groups, channels // groups))
    rank = split.rank
    return reshape(b, transpose(b, split, [*range(rank - 2), rank - 1, rank - 2]), x.shape)


def shuffle_unit(b: Builder, x: Value, seed: int) -> Value:
    """ShuffleNetV2's basic unit."""
    half = x.shape[3] // 2
    kept, worked = narrow(b, x, 3, 0, half), narrow(b, x, 3, half, half)
    worked = b.emit(ops.Relu(), conv(b, worked, half, seed=seed))
    worked = conv(b, depthwise(b, worked, seed=seed + 1), half, seed=seed + 2)
    return shuffle(b, concat(b, [kept, worked], 3), 2)


def stage(b: Builder, xs: list[Value]) -> Value:
    x = xs[0]
    x = shuffle(b, concat(b, [conv(b, depthwise(b, x), 8), conv(b, x, 8, 3, seed=5)], 3), 2)
    for i in range(3):
        x = shuffle_unit(b, x, seed=10 * i)
    return conv(b, x, 4, seed=99)


CASES = [
    GraphCase(
        "between convolutions",
        lambda b, xs: conv(b, shuffle(b, conv(b, xs[0], 12), 3), 4, seed=7),
        [(1, 5, 5, 3)],
        ops=["CONV_2D", "CONV_2D"],
    ),
    GraphCase(
        "through depthwise, activation and pooling",
        lambda b, xs: conv(
            b,
            b.emit(
                ops.MaxPool2D(padding=ops.Padding.VALID, filter=(2, 2), stride=(2, 2)),
                b.emit(ops.HardSwish(), depthwise(b, shuffle(b, conv(b, xs[0], 12), 3), seed=3)),
            ),
            4,
            seed=7,
        ),
        [(1, 6, 6, 3)],
        ops=["CONV_2D", "DEPTHWISE_CONV_2D", "HARD_SWISH", "MAX_POOL_2D", "CONV_2D"],
    ),
    GraphCase(
        "the source alone absorbs it",
        lambda b, xs: shuffle(b, conv(b, xs[0], 12), 3),
        [(1, 5, 5, 3)],
        ops=["CONV_2D"],
    ),
    GraphCase(
        "the user alone absorbs it",
        lambda b, xs: conv(b, shuffle(b, xs[0], 3), 4),
        [(1, 5, 5, 12)],
        ops=["CONV_2D"],
    ),
    GraphCase(
        "neither can: it stays a shuffle",
        lambda b, xs: shuffle(b, b.emit(ops.Abs(), xs[0]), 3),
        [(1, 5, 5, 12)],
        ops=["ABS", "RESHAPE", "TRANSPOSE", "RESHAPE"],
    ),
    GraphCase(
        "a residual sum of two convolutions delivers any order",
        lambda b, xs: conv(b, shuffle(b, b.emit(ops.Add(), conv(b, xs[0], 12), conv(b, xs[0], 12, seed=4)), 3), 4),
        [(1, 5, 5, 3)],
        ops=["CONV_2D", "CONV_2D", "ADD", "CONV_2D"],
    ),
    GraphCase(
        "a source with another user that cannot expect it",
        lambda b, xs: _two_users(b, xs[0]),
        [(1, 5, 5, 3)],
    ),
    GraphCase(
        "pixel shuffle's order",
        lambda b, xs: b.emit(
            ops.DepthToSpace(block_size=2),
            gather(b, conv(b, xs[0], 12), np.arange(12).reshape(3, 4).T.reshape(-1).tolist(), 3),
        ),
        [(1, 5, 5, 3)],
        ops=["CONV_2D", "DEPTH_TO_SPACE"],
    ),
    GraphCase(
        "padded channels stay where they are",
        lambda b, xs: conv(b, pad(b, shuffle(b, xs[0], 3), [(0, 0), (1, 1), (0, 0), (0, 2)]), 4, seed=7),
        [(1, 5, 5, 12)],
    ),
    GraphCase(
        "a shuffle with dead channels",
        lambda b, xs: conv(b, narrow(b, shuffle(b, conv(b, xs[0], 12), 3), 3, 0, 5), 4, seed=7),
        [(1, 5, 5, 3)],
    ),
    GraphCase("a stage of ShuffleNetV2", stage, [(1, 6, 6, 4)]),
]


def _two_users(b: Builder, x: Value) -> list[Value]:
    y = conv(b, x, 12)
    return [conv(b, shuffle(b, y, 3), 4, seed=7), b.emit(ops.Abs(), y)]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_route(case: GraphCase) -> None:
    graph = check(case, ShuffleToGather(), RouteChannels(), GatherToShuffle(), DropDead())
    assert not graph.find(ops.Gather)
    if case.id == "a stage of ShuffleNetV2":
        assert not graph.find(ops.Transpose)
        assert len(graph.find(ops.SplitV, ops.Slice, ops.Concatenation)) <= 12
