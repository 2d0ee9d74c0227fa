"""Computing in a wider type: half precision in float32, as the converted model does, or everything in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.fx import GraphModule
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

_HALF = (torch.float16, torch.bfloat16)


@contextmanager
def wide(kind: torch.dtype = torch.float32) -> Iterator[None]:
    """Inside, operators see narrower floating-point tensors as `kind`, and make `kind` where they were to make such.

    Parameters and buffers stay as they are and are widened at every use: what an operator writes into them is lost.
    """
    default = torch.get_default_dtype()
    widen = partial(_widened, kind)
    torch.set_default_dtype(_widened(kind, default))
    try:
        with _WideCalls(widen), _WideOperators(widen):
            yield
    finally:
        torch.set_default_dtype(default)


class _WideCalls(TorchFunctionMode):
    """Widens what Python hands to PyTorch: some operators compare their arguments' types before they are dispatched."""

    def __init__(self, widen: Callable[[Any], Any]) -> None:
        super().__init__()
        self.widen = widen

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        args, kwargs = pytree.tree_map(self.widen, (args, kwargs or {}))
        return func(*args, **kwargs)


class _WideOperators(TorchDispatchMode):
    """Widens what composite operators hand to others, inside PyTorch."""

    def __init__(self, widen: Callable[[Any], Any]) -> None:
        super().__init__()
        self.widen = widen

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        args, kwargs = pytree.tree_map(self.widen, (args, kwargs or {}))
        return func(*args, **kwargs)


def has_half(program: ExportedProgram) -> bool:
    """Whether any value of the program is of half precision."""
    graphs = [m.graph for m in program.graph_module.modules() if isinstance(m, GraphModule)]
    values = pytree.tree_leaves([node.meta.get("val") for graph in graphs for node in graph.nodes])
    return any(isinstance(value, torch.Tensor) and value.dtype in _HALF for value in values)


def _widened(kind: torch.dtype, value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to(kind) if _is_narrower(value.dtype, kind) else value
    return kind if isinstance(value, torch.dtype) and _is_narrower(value, kind) else value


def _is_narrower(dtype: torch.dtype, kind: torch.dtype) -> bool:
    return dtype.is_floating_point and dtype.itemsize < kind.itemsize
