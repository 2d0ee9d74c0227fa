"""A module made ready for export (evaluation mode, on the CPU, float32) while its owner's stays as it was."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from liteport.errors import InputError
from liteport.frontends.torch.sources.text import described
from liteport.frontends.torch.sources.torchscript import followable

_WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel, torch.optim.swa_utils.AveragedModel)


def settled(module: Any, notes: list[str]) -> Any:
    """`module` in evaluation mode, on the CPU and in float32; what was done for it is added to `notes`.

    Where anything has to change the result is a twin: the same structure, copied, around the very
    same tensors (only those that move or change type are new), and `module` itself is left alone.
    Raises InputError where it holds no data, or cannot be copied.
    """
    module = unwrapped(module, notes)
    if isinstance(module, torch.jit.ScriptModule):
        return _followed(module, notes)
    tensors = list(_tensors(module))
    _check_data(module)
    kept = {id(tensor): _converted(tensor) for tensor in tensors}
    changed = [tensor for tensor in tensors if kept[id(tensor)] is not tensor]
    training = any(part.training for part in module.modules())
    if not training and not changed:
        return module
    twin = _evaluated(_copied(module, kept, bool(changed), notes))
    notes.extend(_changes(changed))
    if training:
        notes.append("training mode was switched off")
    return twin


def _followed(script: torch.jit.ScriptModule, notes: list[str]) -> nn.Module:
    """A TorchScript module, which has its own ways to be copied, likewise."""
    module, changed, training = followable(script)
    notes.extend(_changes(changed))
    if training:
        notes.append("training mode was switched off")
    return module


def unwrapped(module: Any, notes: list[str]) -> Any:
    """The model inside of DataParallel and its kin, or of torch.compile."""
    while True:
        inner = module.module if isinstance(module, _WRAPPERS) else dict(module.named_children()).get("_orig_mod")
        if inner is None:
            return module
        notes.append(f"unwrapped the model from its {type(module).__name__}")
        module = inner


def _tensors(module: Any) -> Iterator[Any]:
    """Every tensor of the module once: parameters, buffers, and those in plain attributes, lists and dicts."""
    seen: set[int] = set()
    waiting: list[Any] = [vars(part) for part in module.modules()]
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, torch.Tensor | np.ndarray):
            yield value
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list | tuple | set | frozenset):
            waiting.extend(value)


def _check_data(module: Any) -> None:
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if is_lazy(tensor):
            raise InputError(f"{name} of {type(module).__name__} has no shape yet: run the module once on an example")
        if tensor.is_meta:
            raise InputError(f"{name} of {type(module).__name__} is on the meta device, without data: load its weights")


def _converted(tensor: Any) -> Any:
    """The tensor itself, or a float32 twin on the CPU of one that is elsewhere or of another float type."""
    if not isinstance(tensor, torch.Tensor) or tensor.is_meta:
        return tensor
    dtype = torch.float32 if tensor.is_floating_point() else tensor.dtype
    if tensor.dtype == dtype and tensor.device.type == "cpu":
        return tensor
    twin = tensor.detach().to("cpu", dtype)
    return nn.Parameter(twin, requires_grad=tensor.requires_grad) if isinstance(tensor, nn.Parameter) else twin


def _copied(module: Any, kept: dict[int, Any], must: bool, notes: list[str]) -> Any:
    """A deep copy of everything but the tensors, which are those of `kept`."""
    try:
        return copy.deepcopy(module, dict(kept))
    except Exception as error:  # whatever the user's own attributes do when they are copied
        name, why = type(module).__name__, described(error)
        if must:
            remedy = "pass module.cpu().float().eval()"
            raise InputError(
                f"{name} is not in float32 on the CPU, and it cannot be copied ({why}): {remedy}"
            ) from error
        notes.append(f"{name} cannot be copied ({why}), so it was itself switched to evaluation mode")
        return module


def _evaluated(module: Any) -> Any:
    try:
        return module.eval()
    except Exception as error:  # modules may override it, and those of torch.export refuse it
        raise InputError(f"{type(module).__name__} cannot be switched to eval() ({described(error)})") from error


def _changes(changed: list[Any]) -> Iterator[str]:
    moved = dict.fromkeys(str(t.device) for t in changed if t.device.type != "cpu")
    yield from (f"moved from {device} to the CPU" for device in moved)
    dtypes = dict.fromkeys(t.dtype for t in changed if t.is_floating_point() and t.dtype != torch.float32)
    for dtype in dtypes:
        verb = "narrowed" if dtype == torch.float64 else "widened"
        yield f"{str(dtype).removeprefix('torch.')} weights were {verb} to float32"
