"""What TensorFlow's converter wrote, under the names of the source, as graphs of one module."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace

from liteport.ir.graph import Graph, Module, Value

_REFERENCE = "_subgraph"
"""What attributes are called that name a graph."""

# The functions around a node are no part of what its author called it.
_CALL = re.compile(r"^(?:(?:Stateful)?PartitionedCall/)+")


def named(module: Module, signature: str, inputs: Sequence[str], outputs: Sequence[str]) -> Module:
    """The module with its first graph as `signature`, whose inputs and outputs have these names, in order.

    Values are called after the first of the nodes that they came from.
    """
    graph = module.graphs[0]
    graph.signature = signature
    graph.input_names, graph.output_names = list(inputs), list(outputs)
    taken = set(inputs)
    for value, name in zip(graph.inputs, inputs, strict=True):
        value.name = name
    for value, name in zip(graph.outputs, outputs, strict=True):
        if value.producer is not None and name not in taken:
            value.name = name
            taken.add(name)
    border = {id(value) for value in (*graph.inputs, *graph.outputs)}
    for value in (value for each in module.graphs for value in _values(each) if id(value) not in border):
        value.name = _unique(_CALL.sub("", value.name.partition(";")[0]), taken)
        taken.add(value.name)
    return module


def joined(modules: Mapping[str, Module]) -> Module:
    """One module of all graphs, those of each under names that tell them apart."""
    if len(modules) == 1:
        return Module(next(iter(modules.values())).graphs)
    for name, module in modules.items():
        _rename(module.graphs, {graph.name: f"{name}/{graph.name}" for graph in module.graphs})
    return Module([graph for module in modules.values() for graph in module.graphs])


def _values(graph: Graph) -> Iterator[Value]:
    """The inputs, constants and results of a graph, each once."""
    operands = (value for op in graph.ops for value in (*op.inputs, *op.outputs) if value is not None)
    yield from {id(value): value for value in (*graph.inputs, *operands)}.values()


def _unique(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    number = 1
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"


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
