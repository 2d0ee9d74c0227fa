"""The graphs of concrete functions: taken out flat, changed, and made functions again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from liteport.formats.tensorflow.runtime import tensorflow


def all_nodes(graph: Any) -> Iterable[Any]:
    """The nodes of a GraphDef and of its functions."""
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def node_of(tensor: str) -> str:
    """The node that an input names: "a:1" and "^a" are a's."""
    return tensor.lstrip("^").partition(":")[0]


def inlined(concrete: Any) -> Any:
    """The function's GraphDef with those of the functions that it calls in it; loops and branches call theirs."""
    from tensorflow.python.framework.convert_to_constants import _run_inline_graph_optimization

    return _run_inline_graph_optimization(concrete, False, False)


def again(concrete: Any, graph: Any) -> Any:
    """A GraphDef that came from a function as one of the same inputs, results and variables."""
    tf = tensorflow()
    there = {node.name for node in graph.node}
    captures = [(outer, inner.op.name) for outer, inner in concrete.graph.captures if inner.op.name in there]
    inputs = concrete.inputs[: len(concrete.inputs) - len(concrete.graph.captures)]

    def call(*tensors: Any) -> Any:
        inside = tf.compat.v1.get_default_graph()
        for variable in concrete.graph.variables:
            inside.watch_variable(variable)
        known = {name: inside.capture(outer) for outer, name in captures}
        given = ((tensor.op.name, value) for tensor, value in zip(inputs, tensors, strict=True))
        known |= {name: value for name, value in given if name in there}
        names = [tensor.name for tensor in concrete.outputs]
        return tf.graph_util.import_graph_def(graph, input_map=known, return_elements=names, name="")

    specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in inputs]
    return tf.function(call, autograph=False).get_concrete_function(*specs)
