"""Convolutions and linear layers: Keras's own layers, with the weights in Keras's order of dimensions.

Where weights are computed they are functions of keras.ops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from liteport.backends.keras.emission import CHANNELS_LAST, Emission, Emitters
from liteport.backends.keras.ops._common import embedding, is_tied
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.ops import Activation, Padding
from liteport.ir.types import Array, Shape


@dataclass(frozen=True)
class _Weights:
    """The kernel in Keras's order of dimensions (`order` of the operator's, then `shape`), and the bias."""

    kernel: Value
    bias: Value | None
    order: tuple[int, ...]
    shape: Shape

    @property
    def are_const(self) -> bool:
        return self.kernel.is_const and (self.bias is None or self.bias.is_const)

    @property
    def of(self) -> tuple[Value, ...]:
        return (self.kernel,) if self.bias is None else (self.kernel, self.bias)

    @property
    def arrays(self) -> list[Array]:
        """Without a bias that is only there because the kernel wants one."""
        kernel = self.kernel.array.transpose(self.order).reshape(self.shape)
        bias = None if self.bias is None else self.bias.array
        return [kernel] if bias is None or not (self.bias.name or bias.any()) else [kernel, bias]  # type: ignore[union-attr]

    def computed(self, e: Emission) -> Any:
        """The kernel as a tensor."""
        return e.reshape(e.run(keras.ops.transpose, e.symbolic(self.kernel), self.order), self.shape)


@dataclass(frozen=True)
class _Convolution:
    """A layer of Keras's and the function that it stands for, which are told the same in the same words."""

    layer: Any
    function: Any
    weights: _Weights
    config: dict[str, Any] = field(default_factory=dict)

    def on(self, e: Emission, x: Any, activation: Activation, **windows: Any) -> Any:
        steps = {**windows, **CHANNELS_LAST}
        if self.weights.are_const:
            arrays = self.weights.arrays
            name = e.activation(activation)
            config = {**self.config, **steps, "use_bias": len(arrays) > 1, "activation": name}
            return e.layer(self.layer, x, *arrays, of=self.weights.of, **config)
        result = self._by_groups(e, x, self.weights.computed(e), steps)
        return _finish(e, result, self.weights.bias, activation)

    def _by_groups(self, e: Emission, x: Any, kernel: Any, steps: Mapping[str, Any]) -> Any:
        """Functions have no groups: each is a convolution of its own."""
        count = self.config.get("groups", 1)
        if count == 1:
            return e.run(self.function, x, kernel, **steps)
        pairs = zip(*(e.run(keras.ops.split, v, count, axis=-1) for v in (x, kernel)), strict=True)
        parts = [e.run(self.function, *pair, **steps) for pair in pairs]
        return e.run(keras.ops.concatenate, parts, axis=-1)


def _finish(e: Emission, result: Any, bias: Value | None, activation: Activation) -> Any:
    """What is left to do after a product with computed weights."""
    shifted = result if bias is None else e.run(keras.ops.add, result, e.tensor(bias))
    return e.activate(shifted, activation)


def conv_2d(e: Emission, operator: ops.Conv2D, x: Value, w: Value, bias: Value | None = None) -> Any:
    weights = _Weights(w, bias, (1, 2, 3, 0), (*w.shape[1:], w.shape[0]))
    config = {"filters": w.shape[0], "kernel_size": w.shape[1:3], "groups": x.shape[3] // w.shape[3]}
    return _convolve(e, operator, x, _Convolution(keras.layers.Conv2D, keras.ops.conv, weights, config))


def depthwise_conv_2d(e: Emission, operator: ops.DepthwiseConv2D, x: Value, w: Value, bias: Value | None = None) -> Any:
    """The multiplier is a dimension of its own in Keras."""
    weights = _Weights(w, bias, (1, 2, 3, 0), (*w.shape[1:3], x.shape[3], operator.depth_multiplier))
    config = {"kernel_size": w.shape[1:3], "depth_multiplier": operator.depth_multiplier}
    convolution = _Convolution(keras.layers.DepthwiseConv2D, keras.ops.depthwise_conv, weights, config)
    return _convolve(e, operator, x, convolution)


def conv_3d(e: Emission, operator: ops.Conv3D, x: Value, w: Value, bias: Value | None = None) -> Any:
    weights = _Weights(w, bias, (0, 1, 2, 3, 4), w.shape)
    config = {"filters": w.shape[4], "kernel_size": w.shape[:3]}
    return _convolve(e, operator, x, _Convolution(keras.layers.Conv3D, keras.ops.conv, weights, config))


def _convolve(e: Emission, operator: Any, x: Value, convolution: _Convolution) -> Any:
    """Strides that Keras has no kernel for are taken after a convolution without: those with a dilation, and unequal
    ones of a depthwise convolution."""
    stride, dilation = operator.stride, operator.dilation
    uneven = isinstance(operator, ops.DepthwiseConv2D) and len(set(stride)) > 1
    if not uneven and (max(stride) == 1 or max(dilation) == 1):
        steps = {"strides": stride, "padding": operator.padding.value.lower(), "dilation_rate": dilation}
        return convolution.on(e, e.symbolic(x), operator.activation, **steps)
    padded = _padded(e, operator, x, convolution.config["kernel_size"])
    whole = convolution.on(e, padded, operator.activation, strides=1, padding="valid", dilation_rate=dilation)
    return e.run(keras.ops.get_item, whole, (slice(None), *(slice(None, None, s) for s in stride)))


def _padded(e: Emission, operator: Any, x: Value, kernel: Shape) -> Any:
    """`x` with SAME's padding as zeros of its own."""
    if operator.padding is Padding.VALID:
        return e.symbolic(x)
    amounts = [(0, 0)]
    windows = zip(x.shape[1:], e.result.shape[1:], kernel, operator.stride, operator.dilation, strict=False)
    for size, count, width, stride, dilation in windows:
        total = max((count - 1) * stride + (width - 1) * dilation + 1 - size, 0)
        amounts.append((total // 2, total - total // 2))
    return e.run(keras.ops.pad, e.symbolic(x), (*amounts, (0, 0)))


def transpose_conv(
    e: Emission, operator: ops.TransposeConv, _: Value, w: Value, x: Value, bias: Value | None = None
) -> Any:
    weights = _Weights(w, bias, (1, 2, 0, 3), (*w.shape[1:3], w.shape[0], w.shape[3]))
    config = {"filters": w.shape[0], "kernel_size": w.shape[1:3]}
    convolution = _Convolution(keras.layers.Conv2DTranspose, keras.ops.conv_transpose, weights, config)
    return _convolve_back(e, operator, x, convolution)


def conv_3d_transpose(
    e: Emission, operator: ops.Conv3DTranspose, _: Value, w: Value, x: Value, bias: Value | None = None
) -> Any:
    weights = _Weights(w, bias, (0, 1, 2, 3, 4), w.shape)
    config = {"filters": w.shape[3], "kernel_size": w.shape[:3]}
    convolution = _Convolution(keras.layers.Conv3DTranspose, keras.ops.conv_transpose, weights, config)
    if max(operator.dilation) > 1:
        raise e.refuse("has a dilation")
    return _convolve_back(e, operator, x, convolution)


def _convolve_back(e: Emission, operator: Any, x: Value, convolution: _Convolution) -> Any:
    """Keras knows the size of the result by what it is more than the least one that leads there (output_padding).

    keras.ops.conv_transpose, for computed weights, fails in a functional model (3.15: its node swaps two arguments).
    """
    if not convolution.weights.are_const:
        raise e.refuse("has computed weights")
    rank = len(operator.stride)
    sizes = zip(x.shape[1:], e.result.shape[1:], convolution.config["kernel_size"], operator.stride, strict=False)
    each = [(size, target, width, stride) for size, target, width, stride in list(sizes)[:rank]]
    if operator.padding is Padding.SAME:
        natural = all(target == size * stride for size, target, _, stride in each)
        more = tuple(target - (size - 1) * stride - width % 2 for size, target, width, stride in each)
    else:
        natural = all(target == size * stride + max(width - stride, 0) for size, target, width, stride in each)
        more = tuple(target - (size - 1) * stride - width for size, target, width, stride in each)
    steps = {"strides": operator.stride, "padding": operator.padding.value.lower()}
    return convolution.on(e, e.symbolic(x), operator.activation, **steps, output_padding=None if natural else more)


def fully_connected(e: Emission, operator: ops.FullyConnected, x: Value, w: Value, bias: Value | None = None) -> Any:
    weights = _Weights(w, bias, (1, 0), w.shape[::-1])
    shape = e.result.shape
    outer = (x.shape if operator.keep_num_dims else shape)[:-1] or (1,)
    rows = e.reshape(e.symbolic(x), (*outer, w.shape[1]), x.shape)
    if is_tied(w):
        result = _finish(e, embedding(e, w, rows)(rows, reverse=True), bias, operator.activation)
    elif weights.are_const:
        arrays = weights.arrays
        name = e.activation(operator.activation)
        config = {"units": w.shape[0], "use_bias": len(arrays) > 1, "activation": name}
        result = e.layer(keras.layers.Dense, rows, *arrays, of=weights.of, **config)
    else:
        result = _finish(e, e.run(keras.ops.matmul, rows, weights.computed(e)), bias, operator.activation)
    return e.reshape(result, shape, (*outer, w.shape[0]))


def batch_matmul(e: Emission, operator: ops.BatchMatmul, x: Value, y: Value) -> Any:
    """A product with one constant matrix is a layer."""
    left = _turned(e, x) if operator.adj_x else e.symbolic(x)
    if y.is_const and y.rank == 2:
        kernel = y.array.T if operator.adj_y else y.array
        return e.layer(keras.layers.Dense, left, kernel, of=(y,), units=kernel.shape[1], use_bias=False)
    return e.run(keras.ops.matmul, left, _turned(e, y) if operator.adj_y else e.tensor(y))


def _turned(e: Emission, x: Value) -> Any:
    return e.run(keras.ops.swapaxes, e.symbolic(x), -1, -2)


EMITTERS: Emitters = {
    ops.BatchMatmul: batch_matmul,
    ops.Conv2D: conv_2d,
    ops.Conv3D: conv_3d,
    ops.Conv3DTranspose: conv_3d_transpose,
    ops.DepthwiseConv2D: depthwise_conv_2d,
    ops.FullyConnected: fully_connected,
    ops.TransposeConv: transpose_conv,
}
