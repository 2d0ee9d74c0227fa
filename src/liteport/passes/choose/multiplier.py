"""Depthwise convolutions with several results for each channel: one kernel with one result for each, a few times."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.types import Array
from liteport.lowering.basic import concat, gather
from liteport.passes.choose.example import Example, feed, layer
from liteport.passes.choose.rule import Kind, Rule, Site
from liteport.passes.window import is_plain

# The kernel's time goes by the channels of x, that of the forms by all results and their order: measured, 2 results
# for each of 8 channels are 1.2 times as fast, 4 for each of 64 too; 4 for each of 16, and 8, are slower.
_CHANNELS = 2


def _match(graph: Graph, op: Op) -> Site | str | None:
    operator: Any = op.operator
    times = operator.depth_multiplier
    if times == 1 or op.input.shape[3] == 1:
        return None
    if op.input.shape[3] < _CHANNELS * times**2:
        return "it has few channels with many results each"
    return Site((op,)) if is_plain(op) else "its weights are not float constants"


def _input_repeated(b: Builder, site: Site) -> Value:
    """One kernel over x beside itself."""
    operator, x, weights, bias = _parts(site.op)
    times = operator.depth_multiplier
    y = b.emit(
        replace(operator, depth_multiplier=1),
        concat(b, [x] * times, 3),
        b.const(np.concatenate(weights, axis=3)),
        b.const(np.concatenate(bias)),
    )
    return _in_order(b, y, times)


def _kernel_repeated(b: Builder, site: Site) -> Value:
    """A kernel for the first result of every channel, one for the second, and so on."""
    operator, x, weights, bias = _parts(site.op)
    single = replace(operator, depth_multiplier=1)
    parts = [b.emit(single, x, b.const(w), b.const(c)) for w, c in zip(weights, bias, strict=True)]
    return _in_order(b, concat(b, parts, 3), operator.depth_multiplier)


def _parts(op: Op) -> tuple[Any, Value, list[Array], list[Array]]:
    """The operator, its input, and for the first, second ... result of the channels the weights and biases."""
    operator: Any = op.operator
    times = operator.depth_multiplier
    weights, bias = op.operand(1).array, op.operand(2).array
    return operator, op.input, [weights[..., i::times] for i in range(times)], [bias[i::times] for i in range(times)]


def _in_order(b: Builder, y: Value, times: int) -> Value:
    """The results of a channel side by side again: an order that the weights of what follows can mostly take in."""
    channels = y.shape[3]
    return gather(b, y, np.arange(channels).reshape(times, -1).T.reshape(-1).tolist(), 3)


def _depthwise(size: int, channels: int, kernel: int, stride: int = 1, times: int = 2) -> Example:
    def build(b: Builder) -> Value:
        operator = ops.DepthwiseConv2D(ops.Padding.SAME, (stride, stride), depth_multiplier=times)
        return layer(b, operator, feed(b, 1, size, size, channels), 1, kernel, kernel, channels * times)

    name = f"{kernel}x{kernel}" + f" s{stride}" * (stride > 1)
    return Example(f"{name} on {size}x{size}x{channels}, {times} each", build)


DEPTHWISE_MULTIPLIER = Rule(
    name="depthwise multiplier",
    kind=Kind.ALWAYS,
    before="depthwise(x, 2 results for each channel)",
    after="depthwise(concat(x, x)) in another order of channels, or concat(depthwise(x), depthwise(x))",
    on=(ops.DepthwiseConv2D,),
    match=_match,
    forms={"input repeated": _input_repeated, "kernel repeated": _kernel_repeated},
    gain="2 each: 5x5 on 28x28x128: 2.79 -> 1.13 ms, 7x7 s2 on 16x16x192: 0.70 -> 0.28, 3x3 on 56x56x32: 1.28 -> 0.76, "
    "with the order of channels put right; less where weights take it in",
    rests_on="the kernel, which computes such convolutions as one for each channel",
    examples=[
        _depthwise(56, 32, 3),
        _depthwise(28, 128, 5),
        _depthwise(64, 48, 3, 2),
        _depthwise(64, 48, 7, 2),
        _depthwise(16, 192, 7, 2),
        _depthwise(28, 64, 3, times=4),
        _depthwise(56, 8, 3),
    ],
)
