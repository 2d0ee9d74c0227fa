"""Samples that a program has in hand: arrays, and whatever yields them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from liteport.check.data import Arrays, open_data
from liteport.check.samples import Inputs, Samples, Source, Trials
from liteport.errors import InputError
from liteport.ir.types import Array

_HERE = Path("the data")


@dataclass(frozen=True)
class Given:
    """Samples from a dict of arrays by input name, or from a sequence of samples: an array, a dict by name or a tuple
    in order each. A dict by signature has such of each."""

    data: Any
    name: str = "the data given"

    def samples(self, signature: str, example: Mapping[str, Array], trials: Trials = ()) -> Samples:
        data = self.data
        if isinstance(data, Mapping) and signature in data and signature not in example:
            data = data[signature]
        if isinstance(data, Mapping):
            return _arrays(data).samples(signature, example, trials)
        if not isinstance(data, Sequence):
            return _arrays({"": data}).samples(signature, example, trials)
        each = [_arrays(_named(item, list(example))).samples(signature, example, trials) for item in data]
        places = [(part, index) for part in each for index in range(part.count)]

        def make(index: int) -> Inputs:
            part, place = places[index]
            return part.make(place)

        return Samples(len(places), make)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Some:
    """At most `count` samples of a source, from all over it."""

    source: Source
    count: int

    def samples(self, signature: str, example: Mapping[str, Array], trials: Trials = ()) -> Samples:
        found = self.source.samples(signature, example, trials)
        places = np.linspace(0, found.count - 1, min(self.count, found.count)).round().astype(int)
        return Samples(len(places), lambda index: found.make(int(places[index])))

    def __str__(self) -> str:
        return str(self.source)


def source_of(data: Any) -> Source:
    """A source of `data`: one itself, a path (see open_data), an array or a tensor whose first axis counts samples, or
    what Given takes; an iterable is read to its end. Raises InputError for anything else."""
    if isinstance(data, str | Path):
        return open_data(data)
    if hasattr(data, "samples"):
        source: Source = data
        return source
    if isinstance(data, Mapping):
        return Given({name: _listed(part) for name, part in data.items()})
    return Given(_listed(data))


def _listed(data: Any) -> Any:
    """An array or a dict as it is, a list of what anything else yields."""
    if isinstance(data, Mapping) or hasattr(data, "__array__"):
        return data
    if not isinstance(data, Iterable):
        raise InputError(f"{type(data).__name__} is no source of samples: give arrays, dicts of arrays, or a path")
    return list(data)


def _named(item: Any, names: Sequence[str]) -> Mapping[str, Any]:
    """One sample by the names of the inputs."""
    if isinstance(item, Mapping):
        return item
    parts = list(item) if isinstance(item, list | tuple) else [item]
    if len(parts) != len(names):
        raise InputError(
            f"a sample of the data has {len(parts)} arrays, the model takes {len(names)} ({', '.join(names)}): "
            "yield the inputs alone, without labels"
        )
    return dict(zip(names, parts, strict=True))


def _arrays(parts: Mapping[str, Any]) -> Arrays:
    return Arrays(_HERE, {name: as_numpy(part) for name, part in parts.items()})


_NOT_IN_NUMPY = ("torch.bfloat16", "torch.float8")


def as_numpy(value: Any) -> Array:
    """An array of the value: of a PyTorch tensor too, without importing PyTorch."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if str(value.dtype).startswith(_NOT_IN_NUMPY) else value
    return np.asarray(value)
