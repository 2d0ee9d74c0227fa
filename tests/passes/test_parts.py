"""Parts of a value, cut and joined: splits, merged convolutions, and padding that undoes a slice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.lowering.basic import concat, narrow, pad
from liteport.passes.dead import DropDead
from liteport.passes.merge_depthwise import MergeDepthwise
from liteport.passes.simplify import Simplify
from liteport.passes.split_unequal import SplitUnequal
from tests.passes.support import GraphCase, check, make, weights

X = [(1, 9, 8, 6)]


def cut(b: Builder, x: Value, axis: int, *lengths: int) -> list[Value]:
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    return [narrow(b, x, axis, start, length) for start, length in zip(starts, lengths, strict=True)]


def each(b: Builder, values: Sequence[Value]) -> list[Value]:
    return [b.emit(ops.Abs(), value) for value in values]


SPLIT = [
    GraphCase("the first and the rest", lambda b, xs: each(b, cut(b, xs[0], 1, 1, 8)), X, ["SPLIT_V", "ABS", "ABS"]),
    GraphCase("groups of channels", lambda b, xs: each(b, cut(b, xs[0], 3, 2, 3, 1)), X, ["SPLIT_V", "ABS", "ABS", "ABS"]),
    GraphCase("out of order", lambda b, xs: each(b, cut(b, xs[0], 1, 1, 8)[::-1]), X, ["SPLIT_V", "ABS", "ABS"]),
    GraphCase("a part left out: stays", lambda b, xs: each(b, cut(b, xs[0], 1, 1, 7)), X, ["SLICE", "SLICE", "ABS", "ABS"]),
    GraphCase("beside a part across", lambda b, xs: each(b, [*cut(b, xs[0], 1, 2, 7), narrow(b, xs[0], 1, 1, 4)]), X, ["SPLIT_V", "SLICE", "ABS", "ABS", "ABS"]),
]  # fmt: skip


@pytest.mark.parametrize("case", SPLIT, ids=lambda c: c.id)
def test_split_unequal(case: GraphCase) -> None:
    check(case, SplitUnequal())


def test_equal_slices_stay() -> None:
    split = SplitUnequal()
    assert not split.run(make(lambda b, xs: each(b, cut(b, xs[0], 2, 4, 4)), X))
    assert [why for _, why in split.declined] == ["the slices are of equal length"]


def kernel(b: Builder, x: Value, *window: int, **options: Any) -> Value:
    """A depthwise convolution with SAME padding and a multiplier that the options may change."""
    outputs = x.shape[3] * options.get("depth_multiplier", 1)
    operator = ops.DepthwiseConv2D(**{"padding": ops.Padding.SAME, **options})
    w = weights(1, *window, outputs, seed=sum(window))
    return b.emit(operator, x, b.const(w), b.const(weights(outputs, seed=window[0])))


def side_by_side(b: Builder, x: Value, windows: Sequence[tuple[int, int]], **options: Any) -> Value:
    parts = cut(b, x, 3, *(1, 2, 3)[-len(windows) :])
    return concat(b, [kernel(b, part, *w, **options) for part, w in zip(parts, windows, strict=True)], 3)


def merged(*windows: tuple[int, int], **options: Any) -> Callable[[Builder, list[Value]], Value]:
    return lambda b, xs: side_by_side(b, xs[0], windows, **options)


def halves(b: Builder, xs: list[Value]) -> Value:
    left, right = b.emit_many(ops.Split(num_splits=2), b.const(3), xs[0])
    return concat(b, [kernel(b, left, 3, 3), kernel(b, right, 5, 5)], 3)


STRIDE: dict[str, Any] = {"stride": (2, 2)}
VALID: dict[str, Any] = {"padding": ops.Padding.VALID}
DEPTHWISE = [
    GraphCase("all", merged((3, 3), (5, 5), (1, 3)), X, ["DEPTHWISE_CONV_2D"]),
    GraphCase("as many as fit", merged((3, 3), (5, 5), (7, 7)), X, ["SLICE", "DEPTHWISE_CONV_2D", "SLICE", "DEPTHWISE_CONV_2D", "CONCATENATION"]),
    GraphCase("alike, with a stride", merged((3, 3), (3, 3), (3, 3), **STRIDE), X, ["DEPTHWISE_CONV_2D"]),
    GraphCase("alike, without a centre", merged((2, 2), (2, 2), (2, 2), **VALID), X, ["DEPTHWISE_CONV_2D"]),
    GraphCase("alike and large", merged((7, 7), (7, 7), (7, 7)), X, ["DEPTHWISE_CONV_2D"]),
    GraphCase("dilated", merged((3, 3), (5, 5), (3, 1), dilation=(2, 2)), X, ["DEPTHWISE_CONV_2D"]),
    GraphCase("more channels than before", merged((3, 3), (5, 5), (5, 5), depth_multiplier=2), X, ["DEPTHWISE_CONV_2D"]),
    GraphCase("a clamp", merged((3, 3), (5, 5), (3, 3), activation=ops.Activation.RELU), X, ["DEPTHWISE_CONV_2D"]),
    GraphCase("parts of a split", halves, X, ["DEPTHWISE_CONV_2D"]),
    GraphCase("beside something else", lambda b, xs: concat(b, [xs[0], side_by_side(b, xs[0], [(3, 3), (5, 5), (3, 3)])], 3), X, ["DEPTHWISE_CONV_2D", "CONCATENATION"]),
]  # fmt: skip


@pytest.mark.parametrize("case", DEPTHWISE, ids=lambda c: c.id)
def test_merge_depthwise(case: GraphCase) -> None:
    check(case, MergeDepthwise(), DropDead())


def two(first: int, second: int, *windows: tuple[int, int], **options: Any) -> Callable[[Builder, list[Value]], Value]:
    """Convolutions of so many channels each, with these windows."""

    def build(b: Builder, xs: list[Value]) -> Value:
        parts = cut(b, xs[0], 3, first, second)
        return concat(b, [kernel(b, part, *w, **options) for part, w in zip(parts, windows, strict=True)], 3)

    return build


# The convolutions, and the channels and windows that are left of them.
EVENED = [
    (two(13, 11, (3, 3), (7, 7)), [(8, 3, 3), (16, 7, 7)]),
    (two(13, 11, (7, 7), (3, 5)), [(16, 7, 7), (8, 3, 5)]),
    (two(12, 12, (1, 5), (7, 7), activation=ops.Activation.RELU), [(8, 1, 5), (16, 7, 7)]),
    (two(17, 7, (3, 3), (7, 7)), [(16, 3, 3), (8, 7, 7)]),
    (two(5, 19, (3, 3), (7, 7)), [(5, 3, 3), (19, 7, 7)]),
    (two(12, 12, (3, 7), (7, 5)), [(12, 3, 7), (12, 7, 5)]),
    (two(12, 12, (3, 3), (7, 7), depth_multiplier=2), [(16, 3, 3), (32, 7, 7)]),
]


@pytest.mark.parametrize(("build", "left"), EVENED)
def test_few_channels_are_taken_over_by_the_larger_window(
    build: Callable[[Builder, list[Value]], Value], left: list[tuple[int, int, int]]
) -> None:
    graph = check(GraphCase("", build, [(1, 9, 8, 24)]), MergeDepthwise(), DropDead())
    kernels = [op.operand(1).shape for op in graph.find(ops.DepthwiseConv2D)]
    assert [(outputs, height, width) for _, height, width, outputs in kernels] == left


def swapped(b: Builder, xs: list[Value]) -> Value:
    left, right = cut(b, xs[0], 3, 2, 4)
    return concat(b, [kernel(b, right, 3, 3), kernel(b, left, 3, 3)], 3)


def strides(b: Builder, xs: list[Value]) -> Value:
    left, right = cut(b, xs[0], 3, 2, 4)
    return concat(b, [kernel(b, left, 3, 3, dilation=(2, 2)), kernel(b, right, 3, 3)], 3)


DEPTHWISE_STAYS = [
    (merged((3, 3), (7, 7)), "the common window has more than 25 taps"),
    (merged((3, 3), (5, 5), **STRIDE), "their windows differ and are not centred on their results"),
    (merged((2, 2), (3, 3)), "their windows differ and have no centre"),
    (lambda b, xs: halves(b, [concat(b, xs * 8, 3)]), "the zeros would cost more than the merge saves"),
    (swapped, "they do not follow each other in one value"),
    (strides, "they differ in more than their windows"),
]


@pytest.mark.parametrize(("build", "why"), DEPTHWISE_STAYS)
def test_merge_depthwise_says_why_not(build: Callable[[Builder, list[Value]], Value], why: str) -> None:
    merge = MergeDepthwise()
    assert not merge.run(make(build, X))
    assert [reason for _, reason in merge.declined] == [why]


def inside(b: Builder, x: Value, y: Value, before: int, behind: int, swap: bool = False) -> Value:
    """x[1:] * y with zeros around it."""
    part = narrow(b, x, 1, 1, x.shape[1] - 1)
    product = b.emit(ops.Mul(), *((y, part) if swap else (part, y)))
    return pad(b, product, [(0, 0), (before, behind), (0, 0)])


TOKENS = [(2, 5, 3), (2, 4, 3)]
PADDED = [
    GraphCase("undoes a slice", lambda b, xs: inside(b, xs[0], xs[1], 1, 0), TOKENS, ["PAD", "MUL"]),
    GraphCase("of the second operand", lambda b, xs: inside(b, xs[0], xs[1], 1, 0, swap=True), TOKENS, ["PAD", "MUL"]),
    GraphCase("on the other side: stays", lambda b, xs: inside(b, xs[0], xs[1], 0, 1), TOKENS, ["SLICE", "MUL", "PAD"]),
    GraphCase("more than the slice took: stays", lambda b, xs: inside(b, xs[0], xs[1], 1, 1), TOKENS, ["SLICE", "MUL", "PAD"]),
    GraphCase("a factor that is broadcast: stays", lambda b, xs: inside(b, xs[0], xs[1], 1, 0), [TOKENS[0], (2, 4, 1)], ["SLICE", "MUL", "PAD"]),
]  # fmt: skip


@pytest.mark.parametrize("case", PADDED, ids=lambda c: c.id)
def test_pad_of_a_slice(case: GraphCase) -> None:
    check(case, Simplify(), DropDead())
