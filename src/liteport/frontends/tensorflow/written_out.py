"""Operators that TensorFlow's converter has no builtin for, or a wrong one, written in those that it has one for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from liteport.formats.tensorflow.graphs import again, all_nodes, inlined
from liteport.formats.tensorflow.runtime import tensorflow
from liteport.frontends.tensorflow.ops import WRITTEN_OUT
from liteport.frontends.tensorflow.ops._common import Body


def written_out(concrete: Any) -> Any:
    """The function with the operators of WRITTEN_OUT as calls of functions, each of which does what its operator does.

    Its graph is flat, so that shapes are known wherever they hang on the inputs'.
    """
    if not any(map(_is_asked_about, all_nodes(concrete.graph.as_graph_def()))):
        return concrete
    return replaced(concrete, lambda operation: _body(operation) if _is_asked_about(operation.node_def) else None)


def as_it_is(tensor: Any) -> Any:
    """The type of a tensor."""
    return tensorflow().TensorSpec(tensor.shape, tensor.dtype)


def replaced(concrete: Any, body_of: Callable[[Any], Body | None], type_of: Callable[[Any], Any] = as_it_is) -> Any:
    """The function, flat, with calls of functions in the place of the operations that `body_of` gives one for; itself
    where there are none. `type_of` says what a tensor is by then (a tf.TensorSpec)."""
    flat = again(concrete, inlined(concrete))
    graph = flat.graph.as_graph_def()
    operations = {node.name: flat.graph.get_operation_by_name(node.name) for node in graph.node}
    bodies = [(node, operations[node.name], body_of(operations[node.name])) for node in graph.node]
    if all(body is None for _, _, body in bodies):
        return concrete
    for node, operation, body in bodies:
        if body is not None:
            _call(graph, node, [type_of(tensor) for tensor in operation.inputs], body)
    return again(flat, graph)


_SCOPE = "written_out"
"""Where the nodes of a body stand, below the node that they take the place of: it may have others below it."""


def _is_asked_about(node: Any) -> bool:
    return node.op in WRITTEN_OUT and (node.op != "Sum" or node.attr["keep_dims"].b)


def _body(operation: Any) -> Body | None:
    return WRITTEN_OUT[operation.type](operation, list(operation.inputs))


def _call(graph: Any, node: Any, specs: Sequence[Any], body: Body) -> None:
    """Makes a node a call of `body`, which joins the graph's functions."""

    tf = tensorflow()

    def call(*operands: Any) -> Any:  # operands' names become nodes', which no underscore begins
        with tf.name_scope(_SCOPE):
            return body(*operands)

    function = tf.function(call, autograph=False).get_concrete_function(*specs)
    graph.library.function.extend([*function.graph.as_graph_def().library.function, function.function_def])
    node.op = "PartitionedCall"
    node.attr.clear()
    node.attr["f"].func.name = function.function_def.signature.name
    node.attr["Tin"].list.type.extend(spec.dtype.as_datatype_enum for spec in specs)
    node.attr["Tout"].list.type.extend(tensor.dtype.as_datatype_enum for tensor in function.outputs)
