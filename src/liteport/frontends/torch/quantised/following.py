"""How torch.export comes to see quantised tensors as their numbers: before its own mode sees an operator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch._export import non_strict_utils
from torch._subclasses.fake_tensor import FakeTensor
from torch.fx.experimental.proxy_tensor import ProxyTorchDispatchMode
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from liteport.frontends.torch.quantised.packed import is_packed
from liteport.frontends.torch.quantised.rules import follow, is_known
from liteport.frontends.torch.quantised.tensor import Grid, Quantised, int_repr, is_quantised
from liteport.frontends.torch.replaced import replaced

Constants = Callable[[nn.Module], Any]


@contextmanager
def known_quantised() -> Iterator[None]:
    """Within it, torch.export follows operators on quantised tensors, in Python and in TorchScript."""
    original = ProxyTorchDispatchMode.__torch_dispatch__
    constants: Constants = non_strict_utils._gather_constant_attrs

    def dispatch(mode: Any, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if is_known(func) or any(map(is_quantised, pytree.tree_leaves((args, kwargs)))):
            with mode:
                return follow(func, args, kwargs or {})
        return original(mode, func, types, args, kwargs)

    def without_packed(module: nn.Module) -> Any:
        found = constants(module)
        for value in [v for v in found if is_packed(v)]:
            del found[value]
        return found

    _set_dispatch(dispatch)
    try:
        with replaced({constants: without_packed}), _Numbers():
            yield
    finally:
        _set_dispatch(original)


def _set_dispatch(dispatch: Any) -> None:
    ProxyTorchDispatchMode.__torch_dispatch__ = dispatch


class _Numbers(TorchFunctionMode):
    """Within it, scales and zero points that modules keep as tensors are numbers for operators that take such."""

    def __torch_function__(
        self, func: Any, types: Iterable[Any], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        if getattr(func, "__module__", "") == "torch._ops.quantized":
            takes = _numeric(func)
            args = tuple(_number(a) if i in takes else a for i, a in enumerate(args))
            named = {n: _number(a) if n in takes else a for n, a in named.items()}
        return func(*args, **named)


def _numeric(func: Any) -> set[int | str]:
    """The arguments, by place and name, for which no form of an operator takes a tensor, those that write aside."""
    packet = func.overloadpacket if isinstance(func, torch._ops.OpOverload) else func
    schemas = [getattr(packet, name)._schema for name in packet.overloads()]
    taken: dict[int | str, bool] = {}
    for schema in schemas:
        if any(argument.alias_info is not None for argument in schema.arguments):
            continue
        for place, argument in enumerate(schema.arguments):
            for key in (place, argument.name):
                taken[key] = taken.get(key, False) or "Tensor" in argument.type.annotation_str
    return {key for key, is_tensor in taken.items() if not is_tensor}


def _number(value: Any) -> Any:
    known = getattr(value, "constant", None) if isinstance(value, FakeTensor) else None
    return value if known is None else known.item()


@contextmanager
def on_numbers(
    module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """The arguments with the numbers of quantised tensors in their place; inside, the module takes and gives these."""
    leaves, spec = pytree.tree_flatten((args, dict(kwargs)))
    grids = [Grid.of(leaf) if is_quantised(leaf) else None for leaf in leaves]

    def wrapped(module: nn.Module, args: Any, kwargs: Any) -> Any:
        given = pytree.tree_leaves((args, kwargs))
        ready = [leaf if g is None else Quantised(g.given(leaf), g) for leaf, g in zip(given, grids, strict=True)]
        return pytree.tree_unflatten(ready, spec)

    def unwrapped(module: nn.Module, args: Any, result: Any) -> Any:
        return pytree.tree_map(lambda leaf: int_repr(leaf) if is_quantised(leaf) else leaf, result)

    hooks = [module.register_forward_hook(unwrapped)]
    if any(grids):
        hooks.append(module.register_forward_pre_hook(wrapped, with_kwargs=True))
    try:
        yield pytree.tree_unflatten([leaf.int_repr() if is_quantised(leaf) else leaf for leaf in leaves], spec)
    finally:
        for hook in hooks:
            hook.remove()
