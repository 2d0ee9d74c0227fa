"""A module for each of a module's signatures."""

from __future__ import annotations

from liteport.ir.graph import Graph, Module


def by_signature(module: Module) -> dict[str, Module]:
    """Each signature's name, and a module of its graph and of those that its control flow needs, values shared."""
    return {
        str(graph.signature): Module([graph, *_bodies(graph, module)], dict(module.metadata), module.description)
        for graph in module.signatures
    }


def _bodies(graph: Graph, module: Module) -> list[Graph]:
    """The graphs that the control flow in `graph` refers to, and those in turn."""
    found: dict[str, Graph] = {graph.name: graph}
    waiting = [graph]
    while waiting:
        for name in [name for op in waiting.pop().ops for name in op.references]:
            if name not in found:
                found[name] = module.graph(name)
                waiting.append(found[name])
    return [body for body in found.values() if body is not graph]
