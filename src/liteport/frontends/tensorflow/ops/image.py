"""Images resized, and their contrast."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from liteport.formats.tensorflow.runtime import tensorflow
from liteport.frontends.tensorflow.ops._common import Body, Table, always


def resized(operation: Any, inputs: Sequence[Any]) -> Body | None:
    """A product with a matrix for the rows and one for the columns: what the operator makes of single ones."""
    tf = tensorflow()
    image, *operands = inputs
    known = [_known(tensor) for tensor in operands]
    if any(value is None for value in known) or image.dtype != tf.float32 or None in image.shape.as_list()[1:]:
        return None
    _, height, width, channels = image.shape
    kernel = getattr(tf.raw_ops, operation.type)
    settings = {name: operation.get_attr(name) for name in _SETTINGS if name in operation.node_def.attr}

    def matrix(axis: int, before: int) -> Any:
        given = {name: [value[axis], same] for (name, same), value in zip(_SIZED.items(), known, strict=False)}
        with tf.init_scope():
            ones = tf.reshape(tf.eye(before), [1, before, 1, before])
            return tf.reshape(kernel(images=ones, **given, **settings), [-1, before]).numpy()

    rows, columns = matrix(0, height), matrix(1, width)

    def body(x: Any, *sizes: Any) -> Any:
        y = tf.linalg.matmul(rows, tf.reshape(x, [-1, height, width * channels]))
        y = tf.linalg.matmul(columns, tf.reshape(y, [-1, width, channels]))
        return tf.reshape(y, [-1, len(rows), len(columns), channels])

    return body


_SETTINGS = ("align_corners", "half_pixel_centers", "kernel_type", "antialias")
# The operands that say how an image is resized, with what leaves a width of one as it is.
_SIZED: Mapping[str, float] = {"size": 1, "scale": 1.0, "translation": 0.0}


def _known(tensor: Any) -> Any:
    """The numbers in a tensor, where shapes and constants say them; else None."""
    value = tensorflow().get_static_value(tensor)
    if value is not None or tensor.op.type not in _SEEN_THROUGH:
        return value
    operands = [_known(operand) for operand in tensor.op.inputs]
    return None if any(each is None for each in operands) else _SEEN_THROUGH[tensor.op.type](tensor.op, *operands)


def _part(operation: Any, x: Any, begin: Any, end: Any, step: Any) -> Any:
    """x[begin:end:step] of a shape."""
    first = None if operation.get_attr("begin_mask") else begin[0]
    last = None if operation.get_attr("end_mask") else end[0]
    return None if operation.get_attr("shrink_axis_mask") else x[first : last : step[0]]


# What images are resized by is computed with these.
_SEEN_THROUGH: Mapping[str, Callable[..., Any]] = {
    "Cast": lambda operation, x: x.astype(operation.outputs[0].dtype.as_numpy_dtype),
    "RealDiv": lambda operation, x, y: x / y,
    "StridedSlice": _part,
}


def adjust_contrast(images: Any, factor: Any) -> Any:
    """AdjustContrastv2(images, contrast_factor): further from the mean of their channel."""
    tf = tensorflow()
    mean = tf.reduce_mean(images, [-3, -2], keepdims=True)
    return (images - mean) * factor + mean


WRITTEN_OUT: Table = {
    "AdjustContrastv2": always(adjust_contrast),
    "ResizeArea": resized,
    "ResizeBicubic": resized,
    "ScaleAndTranslate": resized,
}
