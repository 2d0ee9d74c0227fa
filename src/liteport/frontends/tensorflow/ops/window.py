"""Windows over images: their elements, and which is the largest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from liteport.formats.tensorflow.runtime import tensorflow
from liteport.frontends.tensorflow.ops._common import Body, Table


@dataclass(frozen=True)
class _Window:
    """How windows lie along one dimension: `count` of them, one every `step` elements, each of `size` elements that
    stand `rate` apart; `before` and `after` elements are added at the ends."""

    size: int
    step: int
    rate: int
    count: int
    before: int
    after: int


def patches(operation: Any, inputs: Sequence[Any]) -> Body | None:
    """ExtractImagePatches(images; ksizes, strides, rates, padding): [N, rows, columns, elements of the window]"""
    tf, windows = tensorflow(), _windows(operation, inputs, "ksizes", operation.get_attr("rates")[1:3])
    if windows is None:
        return None

    def body(x: Any) -> Any:
        parts = _elements(x, windows, 0)
        return tf.concat(parts, 3)

    return body


def max_pool_with_argmax(operation: Any, inputs: Sequence[Any]) -> Body | None:
    """MaxPoolWithArgmax(input; ksize, strides, Targmax, padding, include_batch_in_index) -> (output, argmax)

    An element's number is (row * columns + column) * channels + channel; of several largest the first counts.
    """
    tf, windows = tensorflow(), _windows(operation, inputs, "ksize", [1, 1])
    if windows is None:
        return None
    kind, with_batch = operation.get_attr("Targmax"), operation.get_attr("include_batch_in_index")

    def body(x: Any) -> Any:
        _, height, width, channels = x.shape.as_list()
        stacked = tf.stack(_elements(x, windows, x.dtype.min), 3)
        place = tf.argmax(stacked, 3, tf.int32)
        rows, columns = (tf.range(each.count) * each.step - each.before for each in windows)
        row = tf.reshape(rows, [-1, 1, 1]) + place // windows[1].size
        column = tf.reshape(columns, [-1, 1]) + place % windows[1].size
        number = (row * width + column) * channels + tf.range(channels)
        if with_batch:
            number += tf.reshape(tf.range(tf.shape(x)[0]), [-1, 1, 1, 1]) * (height * width * channels)
        return tf.reduce_max(stacked, 3), tf.cast(number, kind)

    return body


def _windows(operation: Any, inputs: Sequence[Any], size: str, rates: Sequence[int]) -> tuple[_Window, _Window] | None:
    """Those along the rows and the columns; None where sizes are open."""
    shape, steps = inputs[0].shape.as_list(), operation.get_attr("strides")
    if None in shape[1:]:
        return None
    is_same = operation.get_attr("padding") == b"SAME"
    each = zip(shape[1:3], operation.get_attr(size)[1:3], steps[1:3], rates, strict=True)
    rows, columns = (_window(*window, is_same) for window in each)
    return rows, columns


def _window(length: int, size: int, step: int, rate: int, is_same: bool) -> _Window:
    seen = (size - 1) * rate + 1
    count = -(-length // step) if is_same else (length - seen) // step + 1
    added = max((count - 1) * step + seen - length, 0) if is_same else 0
    return _Window(size, step, rate, count, added // 2, added - added // 2)


def _elements(x: Any, windows: Sequence[_Window], fill: Any) -> list[Any]:
    """The first element of every window [N, rows, columns, C], the second, and so on."""
    tf = tensorflow()
    rows, columns = windows
    margins = [[0, 0], [rows.before, rows.after], [columns.before, columns.after], [0, 0]]
    padded = tf.pad(x, margins, constant_values=tf.cast(fill, x.dtype))
    return [padded[:, _seen(rows, i), _seen(columns, j)] for i in range(rows.size) for j in range(columns.size)]


def _seen(window: _Window, number: int) -> slice:
    first = number * window.rate
    return slice(first, first + (window.count - 1) * window.step + 1, window.step)


WRITTEN_OUT: Table = {"ExtractImagePatches": patches, "MaxPoolWithArgmax": max_pool_with_argmax}
