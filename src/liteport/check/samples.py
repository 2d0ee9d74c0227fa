"""The inputs of a comparison: what a source of them is, and random ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from liteport.ir.types import Array, Shape

Inputs = dict[str, Array]
Trials = Sequence[Mapping[str, Shape]]


@dataclass(frozen=True)
class Samples:
    """`count` samples, each made when it is asked for."""

    count: int
    make: Callable[[int], Inputs]

    def __iter__(self) -> Iterator[Inputs]:
        return map(self.make, range(self.count))


class Source(Protocol):
    """A source of samples; its text ends "on 8 samples of ..."."""

    def samples(self, signature: str, example: Mapping[str, Array], trials: Trials = ()) -> Samples:
        """Samples for a signature whose inputs look like `example`, also in the shapes of `trials` where there are any.

        Raises InputError where it has none.
        """

    def __str__(self) -> str: ...


@dataclass(frozen=True)
class Random:
    """Seeded random samples: floats normally distributed with the example's mean and spread, integers from its range.

    Where inputs have dynamic dimensions, the samples have the shapes of the trials in turn.

    An example whose floats are all alike, such as zeros, says nothing of their spread: standard normal then.
    """

    count: int
    seed: int = 0

    def samples(self, signature: str, example: Mapping[str, Array], trials: Trials = ()) -> Samples:
        shapes = trials or [{name: array.shape for name, array in example.items()}]
        return Samples(self.count, lambda index: self._inputs(index, example, shapes[index % len(shapes)]))

    def _inputs(self, index: int, example: Mapping[str, Array], shapes: Mapping[str, Shape]) -> Inputs:
        rng = np.random.default_rng([self.seed, index])
        return {name: _random(rng, array, shapes[name]) for name, array in example.items()}

    def __str__(self) -> str:
        return f"random inputs (seed {self.seed})"


def least_example(shape: Shape, dtype: np.dtype[Any], whole: bool = False) -> Array:
    """An example for inputs of which only the type is known: zeros, and for integers the range that random ones keep
    to: the `whole` of the type's, or 0 and 1, which are always valid (indices, flags)."""
    example = np.zeros(shape, dtype)
    if dtype.kind in "iu" and example.size > 1:
        low, high = (np.iinfo(dtype).min, np.iinfo(dtype).max) if whole else (0, 1)
        example.flat[0], example.flat[-1] = low, high
    return example


def _random(rng: np.random.Generator, like: Array, shape: Shape) -> Array:
    drawn: Any = rng.standard_normal(shape)
    if like.dtype.kind == "f" and like.size and np.isfinite(like).all() and (spread := float(like.std())) > 0:
        drawn = drawn * spread + float(like.mean())
    elif like.dtype.kind == "b":
        drawn = rng.integers(0, 2, shape)
    elif like.dtype.kind in "iu" and like.size:
        drawn = rng.integers(like.min(), like.max(), shape, like.dtype, endpoint=True)
    elif like.dtype.kind == "c":
        drawn = drawn + 1j * rng.standard_normal(shape)
    return np.asarray(drawn, like.dtype)
