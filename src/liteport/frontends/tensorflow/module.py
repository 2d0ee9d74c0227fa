"""What TensorFlow's converter wrote, under the names of the source, as graphs of one module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

from liteport.ir.graph import Graph, Module

_REFERENCE = "_subgraph"
"""What attributes are called that name a graph."""


def named(module: Module, signature: str, inputs: Sequence[str], outputs: Sequence[str]) -> Module:
    """The module with its first graph as `signature`, whose inputs and outputs have these names, in order."""
    graph = module.graphs[0]
    graph.signature = signature
    graph.input_names, graph.output_names = list(inputs), list(outputs)
    for value, name in zip(graph.inputs, inputs, strict=True):
        value.name = name
    return module


def joined(modules: Mapping[str, Module]) -> Module:
    """One module of all graphs, those of each under names that tell them apart."""
    if len(modules) == 1:
        return Module(next(iter(modules.values())).graphs)
    for name, module in modules.items():
        _rename(module.graphs, {graph.name: f"{name}/{graph.name}" for graph in module.graphs})
    return Module([graph for module in modules.values() for graph in module.graphs])


def _rename(graphs: Sequence[Graph], names: Mapping[str, str]) -> None:
    for graph in graphs:
        graph.name = names[graph.name]
        for op in graph.ops:
            changed = {
                field.name: names[getattr(op.operator, field.name)]
                for field in fields(op.operator)
                if field.name.endswith(_REFERENCE)
            }
            if changed:
                op.operator = replace(op.operator, **changed)
