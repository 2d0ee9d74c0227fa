"""Numbers among a forward's results: tensors without dimensions, as no file has outputs of another kind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import ExportGraphSignature, OutputKind, OutputSpec, TensorArgument
from torch.fx import Node
from torch.utils import _pytree as pytree

from liteport.frontends.torch.copying import copied

_TYPES: dict[type, torch.dtype] = {
    bool: torch.bool,
    int: torch.int64,
    float: torch.float32,
    torch.SymInt: torch.int64,
    torch.SymFloat: torch.float32,
}


def numbers_as_tensors(program: ExportedProgram) -> ExportedProgram:
    """return x, 3   =>   return x, scalar_tensor(3)"""
    specs = program.graph_signature.output_specs
    results = program.graph_module.graph.output_node().args[0]
    assert isinstance(results, tuple | list)
    kinds = [_kind(result, spec) for result, spec in zip(results, specs, strict=True)]
    if not any(kinds):
        return program
    own = copied(program)
    graph = own._graph_module.graph
    output = graph.output_node()
    made = list(output.args[0])
    with graph.inserting_before(output):
        for i, kind in enumerate(kinds):
            if kind is not None:
                made[i] = graph.call_function(torch.ops.aten.scalar_tensor.default, (made[i],), {"dtype": kind})
                made[i].meta["val"] = torch.empty((), dtype=kind, device="meta")
    output.args = (tuple(made),)
    told = [
        OutputSpec(spec.kind, TensorArgument(node.name), None) if kind else spec
        for spec, node, kind in zip(specs, made, kinds, strict=True)
    ]
    own._graph_signature = ExportGraphSignature(program.graph_signature.input_specs, told)
    root, *rest = program.module_call_graph
    users = [spec.arg for spec in told if spec.kind is OutputKind.USER_OUTPUT]
    own._module_call_graph = [replace(root, signature=replace(root.signature, outputs=users)), *rest]
    return own


def tensors_of(result: Any) -> list[torch.Tensor | None]:
    """The leaves of a forward's result as tensors, None for what is neither a tensor nor a number."""
    return [_tensor(leaf) for leaf in pytree.tree_leaves(result)]


def _tensor(leaf: Any) -> torch.Tensor | None:
    kind = _TYPES.get(type(leaf))
    return leaf if isinstance(leaf, torch.Tensor) else torch.tensor(leaf, dtype=kind) if kind else None


def _kind(result: Any, spec: OutputSpec) -> torch.dtype | None:
    """The type of tensor for a result that is a number; None for others."""
    if spec.kind is not OutputKind.USER_OUTPUT:
        return None
    value = result.meta.get("val") if isinstance(result, Node) else result
    return _TYPES.get(type(value))
