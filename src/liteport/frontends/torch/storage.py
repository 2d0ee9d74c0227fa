"""as_strided of views: it sees the memory that a view is of, which the view's own operator does not hand on."""

from __future__ import annotations

import torch
from torch._C._functorch import is_batchedtensor
from torch.export import ExportedProgram
from torch.fx import GraphModule, Node

from liteport.frontends.torch.copying import copied, graph_modules

aten = torch.ops.aten
_STRIDED = (aten.as_strided.default, aten.as_strided_copy.default)


def of_whole(program: ExportedProgram) -> ExportedProgram:
    """%v = view of x; as_strided(%v, size, stride)   =>   as_strided(x, size, stride, the offset of %v)"""
    if not any(_of_views(module) for module in graph_modules(program.graph_module)):
        return program
    own = copied(program)
    for module in graph_modules(own._graph_module):
        for node, whole in _of_views(module).items():
            view, size, stride, *rest = node.args
            offset = rest[0] if rest else node.kwargs.get("storage_offset")
            node.args = (whole, size, stride, view.meta["val"].storage_offset() if offset is None else offset)
            node.kwargs = {}
    return own


def _of_views(module: GraphModule) -> dict[Node, Node]:
    """The nodes that are as_strided of a view, and the node that made the memory."""
    makers: dict[int, Node] = {}
    found: dict[Node, Node] = {}
    if not any(node.target in _STRIDED for node in module.graph.nodes):
        return found
    for node in module.graph.nodes:
        value = node.meta.get("val")
        if not isinstance(value, torch.Tensor) or is_batchedtensor(value):  # vmap's have no memory of their own
            continue
        makers.setdefault(_memory(value), node)
        source = node.args[0] if node.target in _STRIDED else None
        if isinstance(source, Node) and (maker := makers.get(_memory(source.meta["val"]), source)) is not source:
            found[node] = maker
    return found


def _memory(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata
