"""Images resized and cut, and their contrast."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from liteport.formats.tensorflow.runtime import tensorflow
from liteport.frontends.tensorflow.ops._common import Body, Table, always, known


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


def crop_and_resize(operation: Any, inputs: Sequence[Any]) -> Body | None:
    """CropAndResize(image, boxes, box_ind, crop_size; method, extrapolation_value): a product with a matrix for the
    rows of each box and one for its columns."""
    tf, size = tensorflow(), known(inputs[3])
    height, width = inputs[0].shape.as_list()[1:3]
    if size is None or None in (height, width):
        return None
    is_nearest, beyond = operation.get_attr("method") == b"nearest", operation.get_attr("extrapolation_value")

    def matrix(first: Any, last: Any, count: int, length: int) -> tuple[Any, Any]:
        """[boxes, count, length], and which of [boxes, count] lie in the image."""
        steps = tf.range(count, dtype=tf.float32) / (count - 1) if count > 1 else tf.constant([0.5])
        at = (first[:, None] + (last - first)[:, None] * steps) * (length - 1)
        there = tf.logical_and(at >= 0, at <= length - 1)
        places = tf.range(length, dtype=tf.float32)
        distance = tf.abs((tf.floor(at + 0.5) if is_nearest else at)[..., None] - places)
        return tf.maximum(1 - distance, 0), there

    def body(image: Any, boxes: Any, which: Any, _: Any) -> Any:
        top, left, bottom, right = tf.unstack(boxes, axis=1)
        rows, in_rows = matrix(top, bottom, int(size[0]), height)
        columns, in_columns = matrix(left, right, int(size[1]), width)
        taken = tf.gather(tf.cast(image, tf.float32), which)
        flat = tf.reshape(taken, [-1, height, width * image.shape[3]])
        cut = tf.reshape(tf.linalg.matmul(rows, flat), [-1, int(size[0]), width, image.shape[3]])
        crops = tf.linalg.matmul(columns[:, None], cut)
        there = tf.logical_and(in_rows[:, :, None], in_columns[:, None])
        return tf.where(there[..., None], crops, beyond)

    return body


def resized_integers(operation: Any, inputs: Sequence[Any]) -> Body | None:
    """ResizeNearestNeighbor(images, size) of types that the kernel lacks: the rows and columns that it takes."""
    tf, (image, size) = tensorflow(), inputs
    target = _known(size)
    if image.dtype.name in _RESIZED or target is None or None in image.shape.as_list()[1:3]:
        return None
    settings = {name: operation.get_attr(name) for name in ("align_corners", "half_pixel_centers")}

    def places(axis: int) -> Any:
        with tf.init_scope():
            numbers = tf.reshape(tf.range(image.shape[axis + 1], dtype=tf.float32), [1, -1, 1, 1])
            resized = tf.raw_ops.ResizeNearestNeighbor(images=numbers, size=[int(target[axis]), 1], **settings)
            return resized.numpy().reshape(-1).astype("int32")

    return lambda x, _: tf.gather(tf.gather(x, places(0), axis=1), places(1), axis=2)


_RESIZED = ("float32", "int8", "uint8")
"""What RESIZE_NEAREST_NEIGHBOR takes."""

WRITTEN_OUT: Table = {
    "AdjustContrastv2": always(adjust_contrast),
    "CropAndResize": crop_and_resize,
    "ResizeArea": resized,
    "ResizeBicubic": resized,
    "ResizeNearestNeighbor": resized_integers,
    "ScaleAndTranslate": resized,
}
