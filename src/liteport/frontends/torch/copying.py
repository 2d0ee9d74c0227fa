"""Copies of exported programs that may be changed."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from torch.export import ExportedProgram
from torch.fx import GraphModule


def copied(program: ExportedProgram) -> ExportedProgram:
    """A copy with graphs of its own, which leaves the names alone: torch.fx renames what is called like a builtin of
    Python in a copy, such as `input`.
    """
    own = copy.copy(program)
    own._graph_module = copy.deepcopy(program.graph_module)
    for old, new in zip(graph_modules(program.graph_module), graph_modules(own._graph_module), strict=True):
        for before, after in zip(old.graph.nodes, new.graph.nodes, strict=True):
            after.name = before.name
    return own


def graph_modules(module: GraphModule) -> Iterator[GraphModule]:
    """The module and those of the control flow in it."""
    yield from (m for m in module.modules() if isinstance(m, GraphModule))
