"""Half precision, computed in float32: what the converted model does, and so what it is compared with."""

from __future__ import annotations

from typing import Any

import torch
from torch.export import ExportedProgram
from torch.fx import GraphModule
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

_HALF = (torch.float16, torch.bfloat16)


class Wide(TorchDispatchMode):
    """Inside, every operator sees half-precision tensors as float32, and makes float32 where it was to make half."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        args, kwargs = pytree.tree_map(_widened, (args, kwargs or {}))
        return func(*args, **kwargs)


def has_half(program: ExportedProgram) -> bool:
    """Whether any value of the program is of half precision."""
    graphs = [m.graph for m in program.graph_module.modules() if isinstance(m, GraphModule)]
    values = pytree.tree_leaves([node.meta.get("val") for graph in graphs for node in graph.nodes])
    return any(isinstance(value, torch.Tensor) and value.dtype in _HALF for value in values)


def _widened(value: Any) -> Any:
    if isinstance(value, torch.Tensor) and value.dtype in _HALF:
        return value.float()
    return torch.float32 if isinstance(value, torch.dtype) and value in _HALF else value
