"""Convolutions of one value that are added up."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.lowering.basic import pad
from liteport.passes.dead import DropDead
from liteport.passes.fuse_pad import FusePad
from liteport.passes.merge_sum import MergeSum
from tests.harness import Case, cases
from tests.harness import check as convert
from tests.passes.support import GraphCase, check, make, weights

IMAGE = [(1, 7, 8, 6)]


def conv(
    b: Builder, x: Value, kernel: int, seed: int = 0, *, groups: int = 1, edge: int | None = None, **options: Any
) -> Value:
    """C to C channels; padded by `edge` on all sides, else to the size of the result."""
    channels = x.shape[3]
    edge = kernel // 2 if edge is None else edge
    x = pad(b, x, [(0, 0), (edge, edge), (edge, edge), (0, 0)])
    bias = b.const(weights(channels, seed=seed + 1))
    if groups == channels:
        w = b.const(weights(1, kernel, kernel, channels, seed=seed))
        return b.emit(ops.DepthwiseConv2D(**options), x, w, bias)
    w = b.const(weights(channels, kernel, kernel, channels // groups, seed=seed))
    return b.emit(ops.Conv2D(**options), x, w, bias)


def depthwise(b: Builder, x: Value, kernel: int, seed: int = 0, **options: Any) -> Value:
    return conv(b, x, kernel, seed, groups=x.shape[3], **options)


def add(b: Builder, left: Value, right: Value) -> Value:
    return b.emit(ops.Add(), left, right)


def times(b: Builder, x: Value, *shape: int) -> Value:
    return b.emit(ops.Mul(), x, b.const(weights(*shape, seed=9)))


def mixer(b: Builder, x: Value) -> Value:
    """FastViT's: x + scale * (branches of x - norm of x)."""
    inner = add(b, add(b, depthwise(b, x, 3), depthwise(b, x, 1, 3)), times(b, x, 6))
    return add(b, x, times(b, b.emit(ops.Sub(), inner, depthwise(b, x, 1, 5)), 1, 1, 6))


STRIDE: dict[str, Any] = {"stride": (2, 2)}
CONV, DEPTHWISE = ["CONV_2D"], ["DEPTHWISE_CONV_2D"]
CASES = [
    GraphCase("its input", lambda b, xs: add(b, depthwise(b, xs[0], 3), xs[0]), IMAGE, DEPTHWISE),
    GraphCase("its input first", lambda b, xs: add(b, xs[0], depthwise(b, xs[0], 3)), IMAGE, DEPTHWISE),
    GraphCase("its input, scaled", lambda b, xs: add(b, times(b, xs[0], 6), depthwise(b, xs[0], 3)), IMAGE, DEPTHWISE),
    GraphCase("itself scaled", lambda b, xs: add(b, times(b, conv(b, xs[0], 3), 6), xs[0]), IMAGE, CONV),
    GraphCase("taken off", lambda b, xs: b.emit(ops.Sub(), xs[0], depthwise(b, xs[0], 3)), IMAGE, DEPTHWISE),
    GraphCase("two windows", lambda b, xs: add(b, conv(b, xs[0], 3), conv(b, xs[0], 1, 5)), IMAGE, CONV),
    GraphCase("in groups", lambda b, xs: add(b, conv(b, xs[0], 3, groups=2), conv(b, xs[0], 1, 5, groups=2)), IMAGE, CONV),
    GraphCase("groups and input", lambda b, xs: add(b, conv(b, xs[0], 3, groups=2), xs[0]), IMAGE, CONV),
    GraphCase("a depthwise one", lambda b, xs: add(b, conv(b, xs[0], 3), depthwise(b, xs[0], 3, 5)), IMAGE, CONV),
    GraphCase("by steps", lambda b, xs: add(b, conv(b, xs[0], 3, **STRIDE), conv(b, xs[0], 1, 5, **STRIDE)), IMAGE, ["PAD", "CONV_2D"]),
    GraphCase("with a clamp", lambda b, xs: b.emit(ops.Add(activation=ops.Activation.RELU), depthwise(b, xs[0], 3), xs[0]), IMAGE, DEPTHWISE),
    GraphCase("a mixer", lambda b, xs: mixer(b, xs[0]), IMAGE, DEPTHWISE),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_merge(case: GraphCase) -> None:
    check(case, MergeSum(), FusePad(), DropDead())


def several(b: Builder, x: Value) -> Value:
    w, bias = b.const(weights(1, 3, 3, 2 * x.shape[3])), b.const(weights(2 * x.shape[3]))
    twice = b.emit(ops.DepthwiseConv2D(padding=ops.Padding.SAME, depth_multiplier=2), x, w, bias)
    wide = b.const(weights(2 * x.shape[3], 3, 3, x.shape[3]))
    return add(b, twice, b.emit(ops.Conv2D(padding=ops.Padding.SAME), x, wide, bias))


STAYS = [
    ("off its centre", lambda b, x: add(b, depthwise(b, x, 3, edge=0), x), [(1, 3, 3, 6)], "they move by other steps"),
    ("dilated", lambda b, x: add(b, depthwise(b, x, 3, edge=2, dilation=(2, 2)), x), IMAGE, "a window is dilated"),
    ("dense and larger", lambda b, x: add(b, conv(b, x, 1), depthwise(b, x, 3, 5)), IMAGE, "more products"),
    ("other groups", lambda b, x: add(b, conv(b, x, 3), conv(b, x, 3, groups=2)), IMAGE, "other groups"),
    ("several results", several, IMAGE, "only one has several results"),
]


@pytest.mark.parametrize(("build", "shapes", "why"), [pytest.param(*c[1:], id=c[0]) for c in STAYS])
def test_what_stays(build: Any, shapes: Any, why: str) -> None:
    merge = MergeSum()
    assert not merge.run(make(lambda b, xs: build(b, xs[0]), shapes))
    assert why in merge.declined[0][1]


def clamped(b: Builder, x: Value) -> Value:
    return add(b, depthwise(b, x, 3, activation=ops.Activation.RELU), x)


def used_twice(b: Builder, x: Value) -> Value:
    made = depthwise(b, x, 3)
    return add(b, add(b, made, x), b.emit(ops.Abs(), made))


@pytest.mark.parametrize(
    "build",
    [clamped, used_twice, lambda b, x: add(b, depthwise(b, x, 3), b.emit(ops.Abs(), x)), lambda b, x: add(b, x, times(b, x, 6))],
    ids=["a clamp between", "used elsewhere too", "another value", "no convolution"],
)  # fmt: skip
def test_no_such_sum(build: Any) -> None:
    assert not MergeSum().run(make(lambda b, xs: build(b, xs[0]), IMAGE))


class RepVGG(nn.Module):
    """3x3, 1x1 and the input, each with a norm, and a clamp."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.wide = nn.Sequential(nn.Conv2d(8, 8, 3, stride, 1, bias=False), nn.BatchNorm2d(8))
        self.narrow = nn.Sequential(nn.Conv2d(8, 8, 1, stride, bias=False), nn.BatchNorm2d(8))
        self.norm = nn.BatchNorm2d(8) if stride == 1 else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total = self.wide(x) + self.narrow(x)
        return torch.relu(total if self.norm is None else total + self.norm(x))


CONVERTED = [
    Case("RepVGG", RepVGG(1), [torch.randn(1, 8, 9, 9)], ops=["TRANSPOSE", "CONV_2D", "TRANSPOSE"]),
    Case("RepVGG, by steps of 2", RepVGG(2), [torch.randn(1, 8, 9, 9)], ops=["TRANSPOSE", "CONV_2D", "TRANSPOSE"]),
    Case("RepVGG, an even size", RepVGG(2), [torch.randn(1, 8, 8, 8)], ops=["TRANSPOSE", "PAD", "CONV_2D", "TRANSPOSE"]),
]  # fmt: skip


@cases(CONVERTED)
def test_converted(case: Case) -> None:
    convert(case)
