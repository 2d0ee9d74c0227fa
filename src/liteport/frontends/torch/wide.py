"""Half precision, computed in float32: what the converted model does, and so what it is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.fx import GraphModule
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

_HALF = (torch.float16, torch.bfloat16)


@contextmanager
def wide() -> Iterator[None]:
    """Inside, every operator sees half-precision tensors as float32, and makes float32 where it was to make half."""
    with _WideCalls(), _WideOperators():
        yield


class _WideCalls(TorchFunctionMode):
    """Widens what Python hands to PyTorch: some operators compare their arguments' types before they are dispatched."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        args, kwargs = pytree.tree_map(_widened, (args, kwargs or {}))
        return func(*args, **kwargs)


class _WideOperators(TorchDispatchMode):
    """Widens what composite operators hand to others, inside PyTorch."""

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
