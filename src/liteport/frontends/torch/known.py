"""Numbers that a module keeps, and branches on: `if self.initialized.item()`, `F.pad(x, (0, int(self.left)))`.

torch.export makes a symbol of every tensor's `item()`, which says nothing of the way that the code goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch._export import utils
from torch._subclasses import fake_tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.nn import Module
from torch.utils._mode_utils import no_dispatch

from liteport.frontends.torch.replaced import replaced

_MOST = 256  # elements of tensors whose values are followed: tables of sizes and the like

_RANGES = (torch.ops.aten.arange.default, torch.ops.aten.arange.start, torch.ops.aten.arange.start_step)

Fakify = Callable[[Any, Module], dict[str, Any]]


@contextmanager
def known_numbers() -> Iterator[None]:
    """Within it, torch.export knows the values of single numbers and of small tables of integers that stand in the
    module or in the code, short ranges among them, and of what is computed from such alone, until they are written."""
    original: Fakify = utils._fakify_params_buffers

    def with_values(mode: Any, module: Module) -> dict[str, Any]:
        fakes = original(mode, module)
        for name, fake in fakes.items():
            tensor = _named(module, name)
            if not tensor.is_meta and _is_known(tensor):
                fake.constant = tensor.detach().clone()  # what the forward writes stays in the copy
        return fakes

    most, dispatch = fake_tensor.CONSTANT_NUMEL_LIMIT, FakeTensorMode.dispatch
    fake_tensor.CONSTANT_NUMEL_LIMIT, FakeTensorMode.dispatch = _MOST, _with_ranges(dispatch)
    try:
        with replaced({original: with_values}):
            yield
    finally:
        fake_tensor.CONSTANT_NUMEL_LIMIT, FakeTensorMode.dispatch = most, dispatch


def _with_ranges(dispatch: Any) -> Any:
    """The dispatch of tensors without data, which knows the values of short ranges."""

    def dispatched(mode: Any, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = dispatch(mode, func, types, args, kwargs)
        if (
            func in _RANGES
            and isinstance(result, FakeTensor)
            and all(type(a) is int for a in args)
            and _is_known(result)
        ):
            with no_dispatch():
                result.constant = func(*args, dtype=result.dtype)
        return result

    return dispatched


def _is_known(tensor: torch.Tensor) -> bool:
    is_table = not tensor.is_floating_point() and not tensor.is_complex()
    return tensor.numel() <= (_MOST if is_table else 1)


def _named(module: Module, name: str) -> torch.Tensor:
    owner, _, last = name.rpartition(".")
    found: torch.Tensor = getattr(module.get_submodule(owner), last)
    return found
