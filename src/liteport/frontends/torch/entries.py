"""From what a user hands over, a model and example inputs, to a TorchModel."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.export import ExportedProgram
from torch.utils import _pytree as pytree

from liteport.errors import InputError, UsageError
from liteport.frontends.torch.dynamic import resolve
from liteport.frontends.torch.huggingface.models import NO_CACHE, without_cache
from liteport.frontends.torch.model import Entry, TorchModel
from liteport.frontends.torch.sources import Loaded, load

DEFAULT = "serving_default"
"""The signature's name where there is only one entry point."""


@dataclass(frozen=True)
class Options:
    """How a file is loaded: see sources.load."""

    factory: str | None = None
    factory_args: Mapping[str, Any] | str | None = None
    source_dir: str | Path | None = None
    trust_pickle: bool = False


def open_model(
    source: Any,
    inputs: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    entries: Mapping[str, Sequence[Any]] | None = None,
    options: Options = Options(),
    fallback: Mapping[str, tuple[Any, ...]] | None = None,
    dynamic: Any = None,
) -> TorchModel:
    """The network in `source` (a module, a method of one, an exported program, a path, a dict of entry points).

    `inputs` and `kwargs` are the example arguments of its forward. `entries` names several entry points
    instead: {"track": (method name, args, kwargs)}. `fallback` are arguments by entry point, used where there are
    neither of these, nor the model's own. `dynamic` says which dimensions may have other sizes than the example's (see
    frontends.torch.dynamic). Raises UsageError where nothing tells what to call and with what, and
    whatever sources.load raises.
    """
    if isinstance(source, Mapping):
        _refuse(inputs is not None or kwargs or entries, "a dict of entry points brings its own inputs: leave them out")
        return _from_methods(source, options, dynamic)
    if isinstance(source, ExportedProgram):
        loaded = Loaded(None, source, (), DEFAULT)
    elif inspect.ismethod(source) and isinstance(source.__self__, nn.Module):
        _refuse(entries, "one method is one entry point: pass the module itself with entries")
        return _from_methods({DEFAULT: (source, inputs, kwargs)}, options, dynamic)
    else:
        loaded = _load(source, options)
    if loaded.program is not None:
        why = (
            "an exported program (.pt2) keeps its own example inputs: leave --input and --entry (inputs=, entries=) out"
        )
        _refuse(inputs is not None or kwargs or entries, why)
        _refuse(
            dynamic, "an exported program (.pt2) keeps the dynamic dimensions it was exported with: leave --dynamic out"
        )
        return TorchModel.from_program(loaded.program, DEFAULT)
    if inputs is None and not kwargs and not entries and fallback:
        inputs, entries = _fallback(fallback)
    if entries:
        _refuse(inputs is not None or kwargs, "--entry (entries=) brings its own inputs: leave --input (inputs=) out")
        calls = {name: (_method(loaded.module, entry[0]), *entry[1:]) for name, entry in entries.items()}
    else:
        calls = {DEFAULT: (loaded.module, inputs, kwargs)}
    return TorchModel({name: _entry(name, dynamic, *call) for name, call in calls.items()}, notes=loaded.notes)


def _load(source: Any, options: Options) -> Loaded:
    folder = None if options.source_dir is None else Path(options.source_dir)
    return load(
        source,
        model=options.factory,
        model_args=options.factory_args,
        source_dir=folder,
        trust_pickle=options.trust_pickle,
    )


def _fallback(arguments: Mapping[str, tuple[Any, ...]]) -> tuple[Any, Mapping[str, Sequence[Any]] | None]:
    """Inputs of the forward where there is one entry point; entries where there are several: methods of these names."""
    if len(arguments) == 1:
        return next(iter(arguments.values())), None
    return None, {name: (name, args) for name, args in arguments.items()}


def _from_methods(entries: Mapping[str, Any], options: Options, dynamic: Any) -> TorchModel:
    """Entry points that are modules, or methods of them; the methods of one module share its weights."""
    _refuse(not entries, 'no entry points: pass {"name": (net.method, args)}')
    loaded: dict[int, Loaded] = {}
    ready: dict[str, Entry] = {}
    for name, given in entries.items():
        call, *rest = given if isinstance(given, tuple | list) and given else (given,)
        owner = call if isinstance(call, nn.Module) else getattr(call, "__self__", None)
        if not isinstance(owner, nn.Module):
            raise UsageError(f"entry point {name}: pass (net.method, args), net being an nn.Module, not {call!r}")
        if id(owner) not in loaded:
            loaded[id(owner)] = _load(owner, options)
        method = "forward" if call is owner else call.__name__
        ready[name] = _entry(name, dynamic, _method(loaded[id(owner)].module, method), *rest)
    notes = dict.fromkeys(note for each in loaded.values() for note in each.notes)
    return TorchModel(ready, notes=tuple(notes))


def _method(module: Any, name: str) -> Callable[..., Any]:
    """The method `name` of the module; the module itself for its forward, so that its hooks run."""
    if name == "forward":
        return module
    found = getattr(module, name, None)
    if not callable(found):
        public = [n for n in vars(type(module)) if not n.startswith("_") and callable(getattr(module, n))]
        has = f"; it has {', '.join(public)}" if public else ""
        raise UsageError(f"{type(module).__name__} has no method {name}{has}: name one with --entry NAME:METHOD=...")
    return found


def _entry(
    name: str, dynamic: Any, call: Callable[..., Any], inputs: Any = None, kwargs: Mapping[str, Any] | None = None
) -> Entry:
    """An entry point on example arguments. Raises UsageError where these hold no tensor, or are not what it takes."""
    takes = f"{_name(call)}{inspect.signature(_forward(call))}"
    if inputs is None and not kwargs and inspect.signature(_forward(call)).parameters:
        raise UsageError(
            "the shapes of the inputs are not known: give them, such as --input 1,3,224,224 "
            f"(in Python: example inputs, (torch.randn(1, 3, 224, 224),)), for {takes}"
        )
    if isinstance(inputs, Mapping):
        raise UsageError("example inputs are a tuple: pass (inputs,) for one dict, or kwargs=inputs for keywords")
    args = (inputs,) if isinstance(inputs, torch.Tensor | np.ndarray) else tuple(inputs or ())
    ready = pytree.tree_map(_as_input, (args, dict(kwargs or {})))
    entry = Entry(call, *ready)
    try:
        inspect.signature(_forward(call)).bind(*args, **(kwargs or {}))
    except TypeError as error:
        raise UsageError(f"the inputs are not those of {takes}: {error}") from error
    if not entry.example and (given := pytree.tree_leaves(ready)):
        kinds = ", ".join(type(leaf).__name__ for leaf in given[:5])
        raise UsageError(f"the example inputs of {name} hold no tensors ({kinds}): pass (torch.randn(1, 3, 224, 224),)")
    uncached = without_cache(call, entry.args, entry.kwargs)
    notes = () if uncached is entry.kwargs else (NO_CACHE,)
    named = _ordered(call, uncached)
    dims = resolve(dynamic, _forward(call), entry.args, named)
    return replace(entry, kwargs=named, notes=notes, dynamic=dims)


def _forward(call: Callable[..., Any]) -> Callable[..., Any]:
    return call.forward if isinstance(call, nn.Module) else call


def _name(call: Callable[..., Any]) -> str:
    """Net.forward, or Net.method."""
    method = _forward(call)
    return f"{type(getattr(method, '__self__', call)).__name__}.{getattr(method, '__name__', 'forward')}"


def _ordered(call: Callable[..., Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The keyword arguments in the order of the call's own parameters."""
    place = {name: i for i, name in enumerate(inspect.signature(_forward(call)).parameters)}
    return dict(sorted(kwargs.items(), key=lambda item: place.get(item[0], len(place))))


def _as_input(leaf: Any) -> Any:
    """A leaf of the example as the model takes it: tensors on the CPU, in float32 or complex64 what is no integer."""
    if isinstance(leaf, np.ndarray):
        leaf = _from_numpy(leaf)
    if not isinstance(leaf, torch.Tensor):
        return leaf
    tensor = leaf.detach().cpu()
    if tensor.is_complex():
        return tensor.to(torch.complex64).resolve_conj()
    return tensor.float() if tensor.is_floating_point() else tensor


def _from_numpy(array: np.ndarray[Any, Any]) -> torch.Tensor:
    try:
        return torch.from_numpy(np.array(array))
    except TypeError as error:
        raise InputError(f"an example input holds {array.dtype.name}, which PyTorch does not take") from error


def _refuse(wrong: Any, why: str) -> None:
    if wrong:
        raise UsageError(why)
