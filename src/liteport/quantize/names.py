"""Names that tell the quantizer what to do: it finds tensors by unique names, and operations by those of their results.

A name is q.GRAPH.TENSOR for the results of an operation that is to be quantised, and f.GRAPH.TENSOR for all others.
What the quantizer adds bears the name of what it was made from, and a suffix.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from liteport.ir.graph import Graph, Module, Op

CHOSEN = r"^q\."
"""What the results of the chosen operations are called, as the quantizer's recipes say it."""

_FORM = re.compile(r"([qf]\.\d+\.\d+)(.*)", re.DOTALL)


def rename(module: Module, chosen: Callable[[Op], bool]) -> dict[str, str]:
    """Gives every tensor of `module` such a name. Returns its own one by the new one."""
    own: dict[str, str] = {}
    for number, graph in enumerate(module.graphs):
        picked = {id(value) for op in graph.ops if chosen(op) for value in op.outputs}
        for place, value in enumerate(graph.values()):
            new = f"{'q' if id(value) in picked else 'f'}.{number}.{place}"
            own[new], value.name = value.name, new
    return own


def restore(module: Module, own: Mapping[str, str]) -> dict[str, Op]:
    """Gives every tensor its own name again. Returns the operations by what their first results were called."""
    made = {op.output.name: op for graph in module.graphs for op in graph.ops if op.outputs}
    for graph in module.graphs:
        _restore(graph, own)
    return made


def _restore(graph: Graph, own: Mapping[str, str]) -> None:
    for value in graph.values():
        found = _FORM.fullmatch(value.name)
        if found is not None and found[1] in own:
            value.name = own[found[1]] + found[2]
