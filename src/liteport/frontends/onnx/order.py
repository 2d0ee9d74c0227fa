"""The nodes of a graph in an order in which they can be computed."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from onnx import GraphProto, NodeProto

from liteport.errors import InputError
from liteport.frontends.onnx.attributes import subgraphs


def in_order(nodes: Sequence[NodeProto], outside: Container[str]) -> list[NodeProto]:
    """The nodes, each behind those whose results it takes, else as they stand; `outside` are names known before.

    Raises InputError where two nodes make one name, a name that is taken is made by none, or nodes wait for each other.
    """
    makers: dict[str, int] = {}
    for place, node in enumerate(nodes):
        for name in filter(None, node.output):
            if name in makers:
                raise InputError(f"two nodes of the graph make {name!r}: the file is damaged")
            makers[name] = place
    taken = [dict.fromkeys(_taken(node)) for node in nodes]
    for node, names in zip(nodes, taken, strict=True):
        for name in names:
            if name not in makers and name not in outside and name in node.input:
                raise InputError(
                    f"{name!r}, which {node.op_type} {node.name or node.output[0]!r} takes, is neither an input of "
                    "the graph, nor an initialiser, nor the result of a node"
                )
    waiting = [[makers[name] for name in names if name in makers] for names in taken]
    if all(before < place for place, others in enumerate(waiting) for before in others):
        return list(nodes)
    return [nodes[place] for place in _sorted(nodes, waiting)]


def _sorted(nodes: Sequence[NodeProto], waiting: Sequence[Sequence[int]]) -> list[int]:
    """The places in order of need. Raises InputError for a cycle."""
    done: dict[int, None] = {}
    under_way: set[int] = set()
    for start in range(len(nodes)):
        stack = [start]
        while stack:
            place = stack[-1]
            open_ = [w for w in waiting[place] if w not in done]
            if not open_:
                stack.pop()
                under_way.discard(place)
                done[place] = None
                continue
            under_way.add(place)
            if under_way & set(open_):
                node = nodes[place]
                raise InputError(
                    f"the graph is cyclic: {node.op_type} {node.name or node.output[0]!r} waits for its own result"
                )
            stack.extend(open_)
    return list(done)


def _taken(node: NodeProto) -> Iterator[str]:
    """The names that a node takes, those that its nested graphs see from outside among them."""
    yield from filter(None, node.input)
    for graph in subgraphs(node):
        yield from free_names(graph)


def free_names(graph: GraphProto) -> Iterator[str]:
    """The names that a nested graph takes from around it."""
    own = {v.name for v in graph.input} | {t.name for t in graph.initializer}
    own |= {name for node in graph.node for name in node.output}
    yield from (name for node in graph.node for name in _taken(node) if name not in own)
    yield from (v.name for v in graph.output if v.name not in own)
