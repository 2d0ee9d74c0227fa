"""Convolutions and linear layers: channels last; the weights come in TensorFlow's order (see weights.ORDERS)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from liteport.backends.tensorflow.context import Context, Table, Tensor
from liteport.ir import ops
from liteport.ir.ops import Padding


def biased(c: Context, x: Tensor, bias: Tensor | None) -> Tensor:
    """x with a bias for each channel, and the activation."""
    return c.activated(x if bias is None else tf.nn.bias_add(x, bias))


def conv_2d(c: Context, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
    """Weights [kh,kw,C/groups,O]."""
    o = c.operator
    groups = c.op.input.shape[3] // c.op.operand(1).shape[3]

    def conv(x: Tensor, w: Tensor) -> Tensor:
        return tf.nn.conv2d(x, w, o.stride, o.padding.value, dilations=o.dilation)

    if groups == 1:
        return biased(c, conv(x, w), bias)
    y = grouped(conv, groups)(x, tf.convert_to_tensor(w))
    # As a plain sum: TensorFlow's kernel that joins a convolution and its bias knows no groups.
    return c.activated(y if bias is None else y + tf.reshape(bias, (1, 1, 1, -1)))


def grouped(conv: Callable[[Tensor, Tensor], Tensor], groups: int) -> Callable[[Tensor, Tensor], Tensor]:
    """A convolution by groups, whose gradient, which TensorFlow has no kernel for, is that of one for each group."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def forward(x: Tensor, w: Tensor) -> tuple[Tensor, Callable[[Tensor], Sequence[Tensor]]]:
        def backward(slope: Tensor) -> Sequence[Tensor]:
            with tf.GradientTape() as tape:
                tape.watch((x, w))
                parts = zip(tf.split(x, groups, 3), tf.split(w, groups, 3), strict=True)
                y = tf.concat([conv(*part) for part in parts], 3)
            gradients: Sequence[Tensor] = tape.gradient(y, (x, w), slope)
            return gradients

        return conv(x, w), backward

    found: Callable[[Tensor, Tensor], Tensor] = forward
    return found


def depthwise_conv_2d(c: Context, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
    """Weights [kh,kw,C,multiplier]. TensorFlow's kernel only steps alike in both directions."""
    o = c.operator
    if len(set(o.stride)) == 1 and (max(o.dilation) == 1 or max(o.stride) == 1):
        strides = (1, *o.stride, 1)
        return biased(c, tf.nn.depthwise_conv2d(x, w, strides, o.padding.value, dilations=o.dilation), bias)
    if o.padding is Padding.SAME:
        x = same(x, (tf.shape(w)[0], tf.shape(w)[1]), o.stride, o.dilation)
    every = tf.nn.depthwise_conv2d(x, w, (1, 1, 1, 1), "VALID", dilations=o.dilation)
    return biased(c, every[:, :: o.stride[0], :: o.stride[1]], bias)


def same(x: Tensor, kernel: Sequence[Tensor], stride: Sequence[int], dilation: Sequence[int]) -> Tensor:
    """x with the zeros around it that SAME stands for, the odd one last."""
    size = tf.shape(x)
    pads = []
    for axis, (k, step, gap) in enumerate(zip(kernel, stride, dilation, strict=True), 1):
        reach = (k - 1) * gap + 1
        total = tf.maximum((-(-size[axis] // step) - 1) * step + reach - size[axis], 0)
        pads.append((total // 2, total - total // 2))
    return tf.pad(x, [(0, 0), *pads, (0, 0)])


def transpose_conv(c: Context, shape: Tensor, w: Tensor, x: Tensor, bias: Tensor | None = None) -> Tensor:
    """Weights [kh,kw,O,C]."""
    o = c.operator
    return biased(c, tf.nn.conv2d_transpose(x, w, shape, o.stride, o.padding.value), bias)


def conv_3d(c: Context, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
    o = c.operator
    strides = (1, *o.stride, 1)
    return biased(c, tf.nn.conv3d(x, spread(w, o.dilation), strides, o.padding.value), bias)


def conv_3d_transpose(c: Context, shape: Tensor, w: Tensor, x: Tensor, bias: Tensor | None = None) -> Tensor:
    o = c.operator
    w = spread(w, o.dilation)
    return biased(c, tf.nn.conv3d_transpose(x, w, shape, (1, *o.stride, 1), o.padding.value), bias)


def spread(w: Tensor, dilation: Sequence[int]) -> Tensor:
    """The weights with the zeros of a dilation between them, which TensorFlow's kernels in 3-d do not know."""
    for axis, gap in enumerate(dilation):
        if gap == 1:
            continue
        shape = w.shape.as_list()
        pads = [(0, 0)] * (len(shape) + 1)
        pads[axis + 1] = (0, gap - 1)
        apart = tf.pad(tf.expand_dims(w, axis + 1), pads)
        apart = tf.reshape(apart, [*shape[:axis], shape[axis] * gap, *shape[axis + 1 :]])
        w = tf.gather(apart, range((shape[axis] - 1) * gap + 1), axis=axis)
    return w


def fully_connected(c: Context, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
    """Weights [O,I]. The leading dimensions are one, and stay so unless the operator keeps them."""
    if c.operator.weights_format != "DEFAULT":
        raise c.unsupported(f"has weights in the order {c.operator.weights_format}, which only LiteRT's kernels read")
    rows = x if c.op.input.rank == 2 else tf.reshape(x, (-1, c.op.operand(1).shape[1]))
    y = biased(c, tf.matmul(rows, w, transpose_b=True), bias)
    if not c.operator.keep_num_dims or c.op.input.rank == 2:
        return y
    return tf.reshape(y, tf.concat([tf.shape(x)[:-1], [c.op.operand(1).shape[0]]], 0))


def batch_matmul(c: Context, x: Tensor, y: Tensor) -> Tensor:
    return tf.raw_ops.BatchMatMulV2(x=x, y=y, adj_x=c.operator.adj_x, adj_y=c.operator.adj_y)


EMITTERS: Table = {
    ops.Conv2D: conv_2d,
    ops.DepthwiseConv2D: depthwise_conv_2d,
    ops.TransposeConv: transpose_conv,
    ops.Conv3D: conv_3d,
    ops.Conv3DTranspose: conv_3d_transpose,
    ops.FullyConnected: fully_connected,
    ops.BatchMatmul: batch_matmul,
}
