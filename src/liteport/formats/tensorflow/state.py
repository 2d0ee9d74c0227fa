"""Functions that change variables which none of their results depends on: they need not do so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from liteport.formats.tensorflow.runtime import tensorflow

_CHANGES = "Assign"


def without_idle_state(concrete: Any) -> Any:
    """The function without the variables that it changes, where no result depends on them; else as it is.

    Layers with dropout, or with random changes to images, count on the seeds that they do not use in inference.
    """
    if not any(_CHANGES in node.op for node in all_nodes(concrete.graph.as_graph_def())):
        return concrete
    graph = _inlined(concrete)
    needed = _needed(graph, [tensor.op.name for tensor in concrete.outputs])
    # Functions that stay what they are called by, such as loops, are taken to look at all that they are given.
    changed = _needed(graph, [_node(node.input[0]) for node in graph.node if _CHANGES in node.op])
    kept = _only(graph, needed)
    if changed & needed or any(_CHANGES in node.op for node in all_nodes(kept)):
        return concrete
    return _again(concrete, kept, needed)


def _only(graph: Any, needed: set[str]) -> Any:
    """The graph of these nodes, without an order beside that of their data, and of the functions that they call."""
    kept = type(graph)()
    kept.versions.CopyFrom(graph.versions)
    for node in graph.node:
        if node.name in needed:
            kept.node.add().CopyFrom(node)
            kept.node[-1].input[:] = [name for name in node.input if not name.startswith("^")]
    functions = {function.signature.name: function for function in graph.library.function}
    waiting, called = list(kept.node), set[str]()
    while waiting:
        new = [name for name in _called(waiting.pop()) if name in functions and name not in called]
        called.update(new)
        waiting += [node for name in new for node in functions[name].node_def]
    kept.library.function.extend(functions[name] for name in functions if name in called)
    return kept


def _called(node: Any) -> Iterator[str]:
    """The functions that a node may call."""
    yield node.op
    for attribute in node.attr.values():
        yield from (each.name for each in (attribute.func, *attribute.list.func))


def all_nodes(graph: Any) -> Iterable[Any]:
    """The nodes of a GraphDef and of its functions."""
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def _inlined(concrete: Any) -> Any:
    """The function's graph with those of the functions that it calls in it."""
    from tensorflow.python.framework.convert_to_constants import _run_inline_graph_optimization

    return _run_inline_graph_optimization(concrete, False, False)


def _needed(graph: Any, outputs: Sequence[str]) -> set[str]:
    """The nodes whose results the outputs are computed from, and these."""
    makers = {node.name: [_node(name) for name in node.input if not name.startswith("^")] for node in graph.node}
    needed, waiting = set(outputs), list(outputs)
    while waiting:
        new = [name for name in makers[waiting.pop()] if name not in needed]
        needed.update(new)
        waiting.extend(new)
    return needed


def _again(concrete: Any, graph: Any, needed: set[str]) -> Any:
    """The graph as a function of the same inputs and results, on the same variables."""
    tf = tensorflow()
    captures = [(outer, inner.op.name) for outer, inner in concrete.graph.captures]
    inputs = [tensor.op.name for tensor in concrete.inputs[: len(concrete.inputs) - len(captures)]]

    def call(*tensors: Any) -> Any:
        inside = tf.compat.v1.get_default_graph()
        for variable in concrete.graph.variables:
            inside.watch_variable(variable)
        known = {name: inside.capture(outer) for outer, name in captures if name in needed}
        known |= {name: tensor for name, tensor in zip(inputs, tensors, strict=True) if name in needed}
        names = [tensor.name for tensor in concrete.outputs]
        return tf.graph_util.import_graph_def(graph, input_map=known, return_elements=names, name="")

    specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in concrete.inputs[: len(inputs)]]
    return tf.function(call, autograph=False).get_concrete_function(*specs)


def _node(tensor: str) -> str:
    """The node that makes a tensor ("a:1")."""
    return tensor.lstrip("^").partition(":")[0]
