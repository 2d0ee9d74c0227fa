"""Fitting weights to a module: finding them in a checkpoint, dropping prefixes, saying what does not fit."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from liteport.frontends.torch.sources.misfit import misfit
from liteport.frontends.torch.sources.text import listed

# Where training scripts keep the weights, the likeliest first; any other name will do as well.
_PLACES = (
    *("state_dict", "model_state_dict", "model", "net", "network", "module", "params", "weights"),
    *("ema", "params_ema", "model_ema", "ema_state_dict", "state_dict_ema", "generator"),
)
_DEPTH = 3

# What wrappers put before the names: DataParallel and torch.compile at any level, trainers in front.
_PREFIXES = {
    "module.": re.compile(r"(^|\.)module\."),
    "_orig_mod.": re.compile(r"(^|\.)_orig_mod\."),
    "model.": re.compile(r"^()model\."),
    "net.": re.compile(r"^()net\."),
}


@dataclass(frozen=True)
class Weights:
    """Named tensors, and where in the file they stood.

    `metadata` is what Module.state_dict keeps beside them: the version of each kind of module.
    """

    tensors: dict[str, Any]
    place: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    metadata: Mapping[str, Any] | None = None

    @property
    def where(self) -> str:
        return ".".join(self.place)


def find_modules(payload: Any) -> dict[str, Any]:
    """The nn.Modules in a checkpoint by their place in it ("" for the checkpoint itself), the likeliest first."""
    found = {place: value for place, value in _walk(payload) if isinstance(value, nn.Module)}
    return {".".join(place): found[place] for place in sorted(found, key=_likelihood)}


def find_weights(payload: Any) -> list[Weights]:
    """Every dict of tensors in a checkpoint (a module's own state too), the likeliest first."""
    found: list[Weights] = []
    for place, value in _walk(payload):
        state = value.state_dict() if isinstance(value, nn.Module) else value
        tensors = {k: _tensor(v) for k, v in state.items() if isinstance(k, str) and _is_weight(k, v)}
        if any(isinstance(tensor, torch.Tensor) for tensor in tensors.values()):
            left_out = tuple(str(k) for k in state if k not in tensors)
            found.append(Weights(tensors, place, left_out, metadata=getattr(state, "_metadata", None)))
    return sorted(found, key=lambda weights: _likelihood(weights.place))


def _walk(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The dicts and modules in a checkpoint, from the outside in."""
    if isinstance(value, nn.Module):
        yield place, value
    elif isinstance(value, dict):
        yield place, value
        for key, inner in value.items() if len(place) < _DEPTH else ():
            if isinstance(key, str):
                yield from _walk(inner, (*place, key))


def _is_weight(name: str, value: Any) -> bool:
    return isinstance(value, torch.Tensor | np.ndarray) or name.endswith("_extra_state")


def _tensor(value: Any) -> Any:
    """A tensor without its history; an array as a tensor; anything else (a module's extra state) as it is."""
    if isinstance(value, np.ndarray):
        return torch.as_tensor(value)
    return value.detach() if isinstance(value, torch.Tensor) else value


def _likelihood(place: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(_PLACES.index(name) if name in _PLACES else len(_PLACES) for name in place)


def fit(module: Any, found: list[Weights], source: Path, notes: list[str]) -> None:
    """Give `module` the weights that fit it best.

    The checkpoint's own (mapped) data become the module's, in the checkpoint's float types, so that
    nothing is copied. Raises WeightsError, listing the names, unless all of them fit.
    """
    own = module.state_dict(keep_vars=True)
    best = min((form for weights in found for form in _forms(weights)), key=lambda form: _misfit(form, own))
    _assign(module, best, own, source)
    if best.place:
        rivals = [w.where for w in found if w.place != best.place and len(w.tensors) == len(best.tensors)]
        also = f" (also there: {listed(rivals, 3)})" if rivals else ""
        notes.append(f"took the weights under {best.where!r}{also}")
    notes.extend(f"dropped the {prefix!r} prefix" for prefix in best.dropped)
    if best.left_out:
        notes.append(f"left out {listed(best.left_out, 5)}: not weights")


def _forms(weights: Weights) -> Iterator[Weights]:
    """The weights as they are, and with known prefixes dropped, one after the other."""
    yield weights
    for prefix, pattern in _PREFIXES.items():
        short = {name: pattern.sub(r"\1", name) for name in weights.tensors}
        if all(name == old for old, name in short.items()) or len(set(short.values())) < len(short):
            continue
        tensors = {short[name]: tensor for name, tensor in weights.tensors.items()}
        metadata = {pattern.sub(r"\1", f"{name}.")[:-1]: v for name, v in (weights.metadata or {}).items()}
        yield from _forms(replace(weights, tensors=tensors, metadata=metadata, dropped=(*weights.dropped, prefix)))


def _misfit(weights: Weights, own: Mapping[str, Any]) -> tuple[int, int]:
    """How many names stand on one side only; of equal forms the one without a wrapper's prefixes comes first."""
    wrapped = sum(name.startswith(("module.", "_orig_mod.")) for name in weights.tensors)
    return len(weights.tensors.keys() ^ own.keys()), wrapped


def _assign(module: Any, weights: Weights, own: Mapping[str, Any], source: Path) -> None:
    before = dict(_named_tensors(module))
    given = weights.tensors
    try:
        state = OrderedDict((name, _like_own(tensor, own.get(name))) for name, tensor in given.items())
        if weights.metadata is not None:
            vars(state)["_metadata"] = weights.metadata
        # Module's own method: an override in the user's class may not know `assign`.
        result = nn.Module.load_state_dict(module, state, strict=False, assign=True)
    except Exception as error:  # shapes that differ, or what the user's own hooks raise
        present = {id(tensor) for name, tensor in own.items() if name in given}  # tied ones under either name
        absent = [name for name, tensor in own.items() if id(tensor) not in present]
        raise misfit(source, module, own, given, absent, given.keys() - own.keys(), error) from error
    missing = set(result.missing_keys) - _rejoin(module, before)
    if missing or result.unexpected_keys:
        raise misfit(source, module, own, given, missing, result.unexpected_keys)


def _like_own(tensor: Any, own: Any) -> Any:
    """The checkpoint's tensor; in the module's type, unless both are floats: those are settled later, unrounded."""
    if not isinstance(own, torch.Tensor) or not isinstance(tensor, torch.Tensor):
        return tensor
    same = tensor.dtype == own.dtype or (tensor.is_floating_point() and own.is_floating_point())
    return tensor if same else tensor.to(own.dtype)


def _rejoin(module: Any, before: Mapping[str, Any]) -> set[str]:
    """Put the loaded data into the module's old tensor objects, and return the names of all that were loaded.

    Whoever else holds such an object sees the new data then: tied weights (under names that the
    checkpoint may lack), lists, hooks. Of tied weights that differ the last one wins, as in copying.
    """
    loaded: dict[int, Any] = {}
    for name, new in _named_tensors(module):
        old = before.get(name)
        if old is not None and new is not old:
            loaded[id(old)] = new
    names = {name for name, old in before.items() if id(old) in loaded}
    for name in names:
        old, new = before[name], loaded[id(before[name])]
        if (old.device, old.layout) == (new.device, new.layout):
            old.data = new.data
            new = old
        owner, _, leaf = name.rpartition(".")
        setattr(module.get_submodule(owner), leaf, new)
    return names


def _named_tensors(module: Any) -> Iterator[tuple[str, Any]]:
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)
