"""merge_sum: convolutions of one value that are added up are one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Activation
from liteport.ir.sizes import is_fixed
from liteport.ir.types import Array, DType
from liteport.lowering.padding import pad_or_crop
from liteport.passes.base import Pass
from liteport.passes.weights import WEIGHTS
from liteport.passes.window import Window, is_plain, padded_ops, window

Pair = tuple[int, int]

_NONE = Activation.NONE


@dataclass(frozen=True)
class MergeSum(Pass):
    """add(conv(x, 3x3), conv(x, 1x1))   =>   conv(x, 3x3)
    add(x, depthwise(x, 3x3) * c)   =>   depthwise(x, 3x3)

    What networks train side by side for its own sake (RepVGG, MobileOne, FastViT), and positional encodings by
    convolution. A depthwise kernel, and x itself, go into the diagonal of an ordinary one.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in graph.find(ops.Add, ops.Sub):
            terms = _terms(graph, op)
            if terms is None:
                continue
            left, right = terms
            if why := _blocked(left, right):
                self.decline(op, why)
                continue
            graph.replace(op, _written(Builder(graph, op), op, _sum(left, right)))
            changed = True
        return changed


@dataclass(frozen=True)
class _Term:
    """x by a window that begins `first` elements from each place: weights [1,h,w,C] one by one, or [O,h,w,C]."""

    seen: Window
    weights: Array
    bias: Array
    multiplier: int  # results for each channel of x, depthwise; 0: an ordinary convolution

    @property
    def first(self) -> Pair:
        (top, _), (left, _) = self.seen.pads
        return -top, -left

    @property
    def size(self) -> Pair:
        height, width = self.weights.shape[1:3]
        return height, width

    def scaled(self, factor: Array | float) -> _Term:
        """The same times a number, or one for each channel of the result."""
        by_result = factor if self.multiplier else np.reshape(factor, (-1, 1, 1, 1))
        weights, bias = self.weights * by_result, self.bias * factor
        return replace(self, weights=weights.astype(np.float32), bias=bias.astype(np.float32))


def _terms(graph: Graph, op: Op) -> tuple[_Term, _Term] | None:
    """Both sides of a sum, where each is linear in the same value, and one at least a convolution."""
    if any(v is None or v.is_const for v in op.inputs):
        return None
    for x in dict.fromkeys(_sources(graph, op)):
        left, right = (_term(graph, op.operand(i), x, op) for i in (0, 1))
        if left is not None and right is not None:
            return left, right.scaled(-1.0) if isinstance(op.operator, ops.Sub) else right
    return None


def _sources(graph: Graph, op: Op) -> Iterator[Value]:
    """The inputs of the convolutions on either side."""
    for side in (op.operand(0), op.operand(1)):
        conv = _conv(graph, *_unscaled(graph, side, op)[:2])
        if conv is not None:
            yield window(padded_ops(conv)).x


def _unscaled(graph: Graph, value: Value, user: Op) -> tuple[Value, Op, Array | float]:
    """What is multiplied by constant numbers to make `value`, the operation that uses it, and the numbers."""
    maker = value.producer
    factor = _factor(maker) if maker is not None and graph.sole_user(value) is user else None
    if maker is None or factor is None:
        return value, user, 1.0
    inner, user, more = _unscaled(graph, maker.operand(1 if maker.operand(0).is_const else 0), maker)
    return inner, user, factor * more


def _factor(op: Op) -> Array | None:
    """The constant, one number or one for each channel, that a MUL multiplies by; None for anything else."""
    found = [v for v in op.inputs if v is not None and v.is_const]
    if op.operator != ops.Mul() or len(found) != 1 or found[0].has_sizes:
        return None
    if found[0].dtype is not DType.FLOAT32 or found[0].quantization:
        return None
    numbers = found[0].array
    return numbers.reshape(-1) if numbers.size == 1 or numbers.shape[-1] == numbers.size else None


def _conv(graph: Graph, value: Value, user: Op) -> Op | None:
    """The convolution without a clamp that makes `value` for its one user."""
    conv = value.producer
    if conv is None or not isinstance(conv.operator, ops.Conv2D | ops.DepthwiseConv2D):
        return None
    operator: Any = conv.operator
    return conv if graph.sole_user(value) is user and is_plain(conv) and operator.activation is _NONE else None


def _term(graph: Graph, value: Value, x: Value, user: Op) -> _Term | None:
    """`value` as a window over x; None where it is no such thing."""
    inner, user, factor = _unscaled(graph, value, user)
    if inner is x:
        return _identity(x).scaled(factor)
    conv = _conv(graph, inner, user)
    if conv is None or (seen := window(padded_ops(conv))).x is not x:
        return None
    operator: Any = conv.operator
    multiplier = operator.depth_multiplier if isinstance(operator, ops.DepthwiseConv2D) else 0
    return _Term(seen, conv.operand(WEIGHTS).array, conv.operand(2).array, multiplier).scaled(factor)


def _identity(x: Value) -> _Term:
    channels = x.shape[3]
    seen = Window(x, ((0, 0), (0, 0)), (1, 1), (1, 1), (x.shape[1], x.shape[2]))
    return _Term(seen, np.ones((1, 1, 1, channels), np.float32), np.zeros(channels, np.float32), 1)


def _blocked(left: _Term, right: _Term) -> str:
    """Why the two are not one convolution; empty where they are."""
    if left.seen.stride != right.seen.stride or left.seen.out != right.seen.out:
        return "they move by other steps"
    if any(term.seen.dilation != (1, 1) and prod(term.size) > 1 for term in (left, right)):
        return "a window is dilated"
    if left.multiplier != right.multiplier and (left.multiplier > 1 or right.multiplier > 1):
        return "only one has several results for each channel"
    if not is_fixed((*left.first, *right.first)):
        return "the padding depends on a dynamic size"
    if not left.multiplier and not right.multiplier and left.weights.shape[3] != right.weights.shape[3]:
        return "they have other groups"
    together = prod(_hull(left, right)[1]) * _depth(max((left, right), key=_depth))
    apart = sum(prod(term.size) * _depth(term) for term in (left, right))
    return "a window that holds both has more products than they have" if together > apart else ""


def _depth(term: _Term) -> int:
    """Products at each tap for a number of the result."""
    return 1 if term.multiplier else int(term.weights.shape[3])


def _hull(left: _Term, right: _Term) -> tuple[Pair, Pair]:
    """The first element and the size of the window that holds both."""
    first = [min(pair) for pair in zip(left.first, right.first, strict=True)]
    ends = [[at + n for at, n in zip(term.first, term.size, strict=True)] for term in (left, right)]
    last = [max(pair) for pair in zip(*ends, strict=True)]
    return (first[0], first[1]), (last[0] - first[0], last[1] - first[1])


def _sum(left: _Term, right: _Term) -> _Term:
    """Both in one window, depthwise where both are."""
    first, size = _hull(left, right)
    wide = next((term for term in (left, right) if not term.multiplier), left)
    total = np.zeros((wide.weights.shape[0], *size, wide.weights.shape[3]), np.float32)
    for term in (left, right):
        top, start = term.first[0] - first[0], term.first[1] - first[1]
        part = total[:, top : top + term.size[0], start : start + term.size[1]]
        part += term.weights if bool(term.multiplier) == bool(wide.multiplier) else _diagonal(term.weights, wide)
    seen = replace(wide.seen, pads=((-first[0], 0), (-first[1], 0)), dilation=(1, 1))
    return _Term(seen, total, left.bias + right.bias, wide.multiplier)


def _diagonal(weights: Array, wide: _Term) -> Array:
    """Depthwise weights [1,h,w,C] as those of a convolution [C,h,w,C/groups]."""
    count, depth = wide.weights.shape[0], wide.weights.shape[3]
    full = np.zeros((count, *weights.shape[1:3], depth), np.float32)
    channels = np.arange(count)
    full[channels, :, :, channels % depth] = np.moveaxis(weights[0], 2, 0)
    return full


def _written(b: Builder, op: Op, term: _Term) -> Value:
    """The convolution, with the clamp of the sum that it replaces."""
    operator: Any = op.operator
    pads = term.seen.tile_pads((0, 0), term.size)
    x = pad_or_crop(b, term.seen.x, (*pads, (0, 0)))
    options: Any = {"stride": term.seen.stride, "activation": operator.activation}
    kernel = (
        ops.DepthwiseConv2D(depth_multiplier=term.multiplier, **options) if term.multiplier else ops.Conv2D(**options)
    )
    return b.emit(kernel, x, b.const(term.weights), b.const(term.bias))
