"""The inputs of a comparison: what a source of them is, and random ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from liteport.ir.types import Array

Inputs = dict[str, Array]


@dataclass(frozen=True)
class Samples:
    """`count` samples, each made when it is asked for."""

    count: int
    make: Callable[[int], Inputs]

    def __iter__(self) -> Iterator[Inputs]:
        return map(self.make, range(self.count))


class Source(Protocol):
    """A source of samples; its text ends "on 8 samples of ..."."""

    def samples(self, signature: str, example: Mapping[str, Array]) -> Samples:
        """Samples for a signature whose inputs look like `example`. Raises InputError where it has none."""

    def __str__(self) -> str: ...


@dataclass(frozen=True)
class Random:
    """Seeded random samples: floats normally distributed with the example's mean and spread, integers from its range.

    An example whose floats are all alike, such as zeros, says nothing of their spread: standard normal then.
    """

    count: int
    seed: int = 0

    def samples(self, signature: str, example: Mapping[str, Array]) -> Samples:
        return Samples(self.count, lambda index: self._inputs(index, example))

    def _inputs(self, index: int, example: Mapping[str, Array]) -> Inputs:
        rng = np.random.default_rng([self.seed, index])
        return {name: _random(rng, array) for name, array in example.items()}

    def __str__(self) -> str:
        return f"random inputs (seed {self.seed})"


def _random(rng: np.random.Generator, like: Array) -> Array:
    drawn: Any = rng.standard_normal(like.shape)
    if like.dtype.kind == "f" and like.size and np.isfinite(like).all() and (spread := float(like.std())) > 0:
        drawn = drawn * spread + float(like.mean())
    elif like.dtype.kind == "b":
        drawn = rng.integers(0, 2, like.shape)
    elif like.dtype.kind in "iu" and like.size:
        drawn = rng.integers(like.min(), like.max(), like.shape, like.dtype, endpoint=True)
    elif like.dtype.kind == "c":
        drawn = drawn + 1j * rng.standard_normal(like.shape)
    return np.asarray(drawn, like.dtype)
