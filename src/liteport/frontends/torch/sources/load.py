"""load(): the front door for everything that a user calls a PyTorch model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from liteport.errors import InputError, UsageError
from liteport.frontends.torch.sources.exported import exported_program
from liteport.frontends.torch.sources.factory import Args, Factory, top_level_names
from liteport.frontends.torch.sources.files import Kind, ModelFile, inspect
from liteport.frontends.torch.sources.pickles import checkpoint
from liteport.frontends.torch.sources.state import Weights, find_modules, find_weights, fit
from liteport.frontends.torch.sources.tensors import safetensors
from liteport.frontends.torch.sources.text import listed
from liteport.frontends.torch.sources.torchscript import torchscript
from liteport.frontends.torch.sources.twin import settled, unwrapped


@dataclass(frozen=True)
class Loaded:
    """A model, as a module or as a program (the other is None).

    A module is in evaluation mode, on the CPU and in float32. `notes` say what was done to get
    there; `root` is a short name: the file's stem, or the class or factory's name.
    """

    module: nn.Module | None
    program: torch.export.ExportedProgram | None
    notes: tuple[str, ...]
    root: str


def load(
    source: nn.Module | str | Path,
    *,
    model: str | None = None,
    model_args: Args = None,
    source_dir: Path | None = None,
    trust_pickle: bool = False,
) -> Loaded:
    """Load a model from a module, a file (.pth, .pt, .pt2, .safetensors ...) or a factory (`file.py:Factory`).

    `model` names the factory (`package.module:Factory` or `path/to/file.py:Factory`) for a file that
    holds only weights, `model_args` its keyword arguments (a mapping, JSON, or "k=v,k=v").
    `source_dir` is importable while the model is loaded. A file that could run code is loaded only
    with `trust_pickle`. A module that is given is never changed: where it has to be, a twin is made.

    Raises InputError, UnsafeFileError, WeightsError, UsageError or UnsupportedError, each of them
    with one sentence for the user.
    """
    if source_dir is not None and not os.path.isdir(source_dir):
        raise InputError(f"--source {source_dir}: there is no such folder")
    folder = None if source_dir is None else Path(source_dir)
    if isinstance(source, nn.Module):
        _without_model("a module", model, model_args)
        return _as_module(source, [], type(source).__name__)
    if not isinstance(source, str | Path):
        kind = type(source).__name__
        raise InputError(f"a {kind} is not a model: give an nn.Module, a file, or path/to/file.py:Factory")
    named = None if os.path.exists(source) else Factory.parse(str(source))
    if named is not None:
        if model is not None:
            raise UsageError(f"{source} is a factory itself: --model {model} has nothing to do; leave one of them out")
        return _as_module(named.build(model_args, folder), [], named.name.rpartition(".")[2])
    return _from_file(Path(source), model, model_args, folder, trust_pickle)


def _from_file(path: Path, model: str | None, args: Args, folder: Path | None, trusted: bool) -> Loaded:
    if path.suffix == ".py":
        names = listed(top_level_names(path))
        some = f" (it defines {names})" if names else ""
        raise InputError(f"{path} names no class or function: write {path}:Factory{some}")
    factory = _factory(model, args)
    file = inspect(path)
    if file.kind is Kind.TORCHSCRIPT:
        _without_model(str(file), model, args)
        return _as_module(torchscript(file, trusted=trusted), [], path.stem)
    if file.kind is Kind.EXPORTED:
        _without_model(str(file), model, args)
        return Loaded(None, exported_program(file, trusted=trusted), (), path.stem)
    notes: list[str] = []
    payload = _payload(file, folder, trusted, notes)
    if factory is None:
        return _as_module(_whole(file, payload, notes), notes, path.stem)
    module = unwrapped(factory.build(args, folder), notes)
    weights = find_weights(payload)
    if not weights:
        raise _not_a_model(file, payload)
    fit(module, weights, path, notes)
    return _as_module(module, notes, path.stem)


def _factory(model: str | None, args: Args) -> Factory | None:
    """What --model names. Raises UsageError where it has another form, or arguments have nothing to go to."""
    if model is None:
        if args:
            raise UsageError("--model-args needs --model, the factory that takes them")
        return None
    factory = Factory.parse(model)
    if factory is None:
        raise UsageError(f"--model {model!r} must be package.module:Factory or path/to/file.py:Factory")
    return factory


def _without_model(what: str, model: str | None, args: Args) -> None:
    if model is not None or args:
        raise UsageError(f"{what} is a whole model: --model and --model-args have nothing to do; leave them out")


def _payload(file: ModelFile, folder: Path | None, trusted: bool, notes: list[str]) -> Any:
    if file.kind is Kind.SAFETENSORS:
        return safetensors(file)
    return checkpoint(file, trusted=trusted, source_dir=folder, notes=notes)


def _as_module(module: Any, notes: list[str], root: str) -> Loaded:
    ready = settled(module, notes)
    return Loaded(ready, None, tuple(dict.fromkeys(notes)), root)


def _whole(file: ModelFile, payload: Any, notes: list[str]) -> Any:
    """The module in a checkpoint. Raises InputError where there are only weights, or not even those."""
    modules = find_modules(payload)
    if not modules:
        weights = find_weights(payload)
        raise _only_weights(file, weights) if weights else _not_a_model(file, payload)
    place, *others = modules
    if place:
        also = f" (also there: {listed(others, 3)})" if others else ""
        notes.append(f"took the model under {place!r}{also}")
    return modules[place]


def _only_weights(file: ModelFile, found: list[Weights]) -> InputError:
    weights = max(found, key=lambda weights: len(weights.tensors))
    under = f" under {weights.where!r}" if weights.place else ""
    names = listed((f"{name} {list(getattr(t, 'shape', ()))}" for name, t in weights.tensors.items()), 5)
    remedy = "say what makes the module with --model package.module:Factory or --model path/to/file.py:Factory"
    return InputError(f"{file} holds only weights{under} ({names}): {remedy}")


def _not_a_model(file: ModelFile, payload: Any) -> InputError:
    what = f"a {type(payload).__name__}"
    if isinstance(payload, Mapping):
        what = f"a dict of {listed(map(repr, payload), 5)}" if payload else "an empty dict"
    remedy = "save the model's state_dict() and name its class with --model"
    return InputError(f"{file} holds {what}, which is neither a model nor weights: {remedy}")
