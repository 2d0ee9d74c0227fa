"""A file whose inputs and outputs are quantised numbers, as one of floats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from liteport.check.runner import Runner
from liteport.ir.types import Array, Shape

Grid = tuple[float, int]
"""The scale and the zero point of a tensor."""


@runtime_checkable
class Stored(Runner, Protocol):
    """A model that knows the grids of its quantised inputs and outputs."""

    def grids(self, signature: str) -> tuple[Mapping[str, Grid], Mapping[str, Grid]]:
        """Those of inputs and of outputs, by name; others have none."""


class Real:
    """`model` on floats: they are quantised on the way in, and its results dequantised."""

    def __init__(self, model: Stored) -> None:
        self.model = model

    @property
    def signatures(self) -> Mapping[str, Any]:
        return self.model.signatures

    def example(self, signature: str) -> dict[str, Array]:
        """The model's example, floats where it takes quantised numbers."""
        grids, _ = self.model.grids(signature)
        own = self.model.example(signature)
        return {name: np.zeros(array.shape, np.float32) if name in grids else array for name, array in own.items()}

    def shapes(self, signature: str) -> Mapping[str, Shape]:
        return self.model.shapes(signature)

    def trials(self, signature: str) -> Sequence[Mapping[str, Shape]]:
        return self.model.trials(signature)

    def run(self, inputs: Mapping[str, Array], signature: str) -> dict[str, Array]:
        """The outputs in floats."""
        ins, outs = self.model.grids(signature)
        own = self.model.example(signature)
        given = {
            name: quantised(array, ins[name], own[name].dtype) if name in ins else array
            for name, array in inputs.items()
        }
        results = self.model.run(given, signature)
        return {name: dequantised(array, outs[name]) if name in outs else array for name, array in results.items()}

    def run_in_double(self, inputs: Mapping[str, Array], signature: str) -> None:
        """None: a file is run in the types that it has."""


def quantised(array: Array, grid: Grid, dtype: np.dtype[Any]) -> Array:
    """The numbers nearest to the array's on a grid."""
    (scale, zero_point), limits = grid, np.iinfo(dtype)
    stored: Array = np.clip(np.rint(array / scale) + zero_point, limits.min, limits.max).astype(dtype)
    return stored


def dequantised(array: Array, grid: Grid) -> Array:
    """What the numbers on a grid stand for."""
    scale, zero_point = grid
    return ((array.astype(np.float32) - zero_point) * scale).astype(np.float32)
