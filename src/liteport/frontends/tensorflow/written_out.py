"""Operators that TensorFlow's converter has no builtin for, or a wrong one, written in those that it has one for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from liteport.formats.tensorflow.graphs import again, all_nodes, inlined
from liteport.formats.tensorflow.runtime import tensorflow

Body = Callable[..., Any]
Write = Callable[[Any, Sequence[Any]], Body | None]
"""From a node and the tensors that it takes to a function of these that does the same; None where it cannot be said."""


def written_out(concrete: Any) -> Any:
    """The function with the operators of WRITTEN_OUT as calls of functions, each of which does what its operator does.

    Its graph is flat, so that shapes are known wherever they hang on the inputs'.
    """
    if not any(map(_is_asked_about, all_nodes(concrete.graph.as_graph_def()))):
        return concrete
    flat = again(concrete, inlined(concrete))
    graph = flat.graph.as_graph_def()
    bodies = [(node, operation, body) for node in graph.node for operation, body in _bodies(flat, node)]
    for node, operation, body in bodies:
        _call(graph, node, operation, body)
    return again(flat, graph) if bodies else concrete


def _is_asked_about(node: Any) -> bool:
    return node.op in WRITTEN_OUT and (node.op != "Sum" or node.attr["keep_dims"].b)


def _bodies(flat: Any, node: Any) -> Iterator[tuple[Any, Body]]:
    """The operation of a node and what is to stand in its place, if anything."""
    if _is_asked_about(node):
        operation = flat.graph.get_operation_by_name(node.name)
        body = WRITTEN_OUT[node.op](operation, list(operation.inputs))
        if body is not None:
            yield operation, body


def _call(graph: Any, node: Any, operation: Any, body: Body) -> None:
    """Makes a node a call of `body`, which joins the graph's functions."""
    tf = tensorflow()
    specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in operation.inputs]
    function = tf.function(body, autograph=False).get_concrete_function(*specs)
    graph.library.function.extend([*function.graph.as_graph_def().library.function, function.function_def])
    node.op = "PartitionedCall"
    node.attr.clear()
    node.attr["f"].func.name = function.function_def.signature.name
    node.attr["Tin"].list.type.extend(tensor.dtype.as_datatype_enum for tensor in operation.inputs)
    node.attr["Tout"].list.type.extend(tensor.dtype.as_datatype_enum for tensor in operation.outputs)


def _pool_3d(pool: str) -> Write:
    """One window over height and width, then one over depth: what padding adds to neither is in neither."""

    def write(operation: Any, inputs: Sequence[Any]) -> Body | None:
        tf = tensorflow()
        if operation.get_attr("data_format") != b"NDHWC":
            return None
        _, *size, _ = operation.get_attr("ksize")
        _, *steps, _ = operation.get_attr("strides")
        padding, pool_2d = operation.get_attr("padding").decode(), getattr(tf.nn, pool)

        def body(x: Any) -> Any:
            batch, depth, height, width, channels = tf.unstack(tf.shape(x))
            rows = tf.reshape(x, [batch * depth, height, width, channels])
            rows = pool_2d(rows, size[1:], steps[1:], padding)
            _, height, width, _ = tf.unstack(tf.shape(rows))
            columns = tf.reshape(rows, [batch, depth, height * width, channels])
            columns = pool_2d(columns, [size[0], 1], [steps[0], 1], padding)
            return tf.reshape(columns, [batch, tf.shape(columns)[1], height, width, channels])

        return body

    return write


def _resized(operation: Any, inputs: Sequence[Any]) -> Body | None:
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


def _sum_of_squares(operation: Any, inputs: Sequence[Any]) -> Body | None:
    """One dimension after the other: what norms over several of them the converter takes for L2_NORMALIZATION, which
    looks at the last one alone."""
    tf = tensorflow()
    axes = tf.get_static_value(inputs[1])
    if axes is None or axes.size < 2 or inputs[0].op.type not in ("Mul", "Square"):
        return None

    def body(x: Any, axes_given: Any) -> Any:
        for axis in axes.reshape(-1).tolist():
            x = tf.reduce_sum(x, axis, keepdims=True)
        return x

    return body


WRITTEN_OUT: Mapping[str, Write] = {
    "AvgPool3D": _pool_3d("avg_pool2d"),
    "MaxPool3D": _pool_3d("max_pool2d"),
    "ResizeArea": _resized,
    "ResizeBicubic": _resized,
    "ScaleAndTranslate": _resized,
    "Sum": _sum_of_squares,
}
