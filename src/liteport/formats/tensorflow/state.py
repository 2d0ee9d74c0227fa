"""Functions that change variables which none of their results depends on: they need not do so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from liteport.formats.tensorflow.graphs import again, all_nodes, inlined, node_of

_CHANGES = "Assign"


def without_idle_state(concrete: Any) -> Any:
    """The function without the variables that it changes, where no result depends on them; else as it is.

    Layers with dropout, or with random changes to images, count on the seeds that they do not use in inference.
    """
    if not any(_CHANGES in node.op for node in all_nodes(concrete.graph.as_graph_def())):
        return concrete
    graph = inlined(concrete)
    needed = _needed(graph, [tensor.op.name for tensor in concrete.outputs])
    # Functions that stay what they are called by, such as loops, are taken to look at all that they are given.
    changed = _needed(graph, [node_of(node.input[0]) for node in graph.node if _CHANGES in node.op])
    kept = _only(graph, needed)
    if changed & needed or any(_CHANGES in node.op for node in all_nodes(kept)):
        return concrete
    return again(concrete, kept)


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


def _needed(graph: Any, outputs: Sequence[str]) -> set[str]:
    """The nodes whose results the outputs are computed from, and these."""
    makers = {node.name: [node_of(name) for name in node.input if not name.startswith("^")] for node in graph.node}
    needed, waiting = set(outputs), list(outputs)
    while waiting:
        new = [name for name in makers[waiting.pop()] if name not in needed]
        needed.update(new)
        waiting.extend(new)
    return needed
