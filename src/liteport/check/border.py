"""A model behind a border that it does not have itself: the origin, as the converted model's users see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from liteport.check.runner import Noting, Resting, Runner
from liteport.ir.border import Border, Port
from liteport.ir.types import Array, Shape


class AtBorder:
    """`origin` with inputs and outputs as its borders, by signature, say."""

    def __init__(self, origin: Runner, borders: Mapping[str, Border]) -> None:
        self.origin = origin
        self.borders = borders

    @property
    def signatures(self) -> Mapping[str, Any]:
        return self.origin.signatures

    @property
    def notes(self) -> tuple[str, ...]:
        return self.origin.notes if isinstance(self.origin, Noting) else ()

    def example(self, signature: str) -> dict[str, Array]:
        """The origin's example at the border; every value that an image's pixels may have, for random ones."""
        own = self.origin.example(signature)
        return {port.name: _outside(own[port.source], port) for port in self.borders[signature].inputs}

    def shapes(self, signature: str) -> dict[str, Shape]:
        return self._moved(self.origin.shapes(signature), signature)

    def trials(self, signature: str) -> list[dict[str, Shape]]:
        return [self._moved(shapes, signature) for shapes in self.origin.trials(signature)]

    def _moved(self, shapes: Mapping[str, Shape], signature: str) -> dict[str, Shape]:
        ports = self.borders[signature].inputs
        return {port.name: tuple(shapes[port.source][axis] for axis in port.order) for port in ports}

    def run(self, inputs: Mapping[str, Array], signature: str) -> dict[str, Array]:
        """The origin's outputs for inputs at the border."""
        border = self.borders[signature]
        results = self.origin.run(self._inside(inputs, border), signature)
        return {p.name: results[p.source].transpose(p.order).astype(p.dtype.numpy) for p in border.outputs}

    def run_in_double(self, inputs: Mapping[str, Array], signature: str) -> dict[str, Array] | None:
        """The origin's outputs in float64, where it has them."""
        border = self.borders[signature]
        results = self.origin.run_in_double(self._inside(inputs, border), signature)
        return None if results is None else {p.name: results[p.source].transpose(p.order) for p in border.outputs}

    def rest(self) -> None:
        """Gives the origin's memory back, where it can do without."""
        if isinstance(self.origin, Resting):
            self.origin.rest()

    def _inside(self, inputs: Mapping[str, Array], border: Border) -> dict[str, Array]:
        return {port.source: _inside(inputs[port.name], port) for port in border.inputs}


def _outside(array: Array, port: Port) -> Array:
    """An input of the origin's as it looks at the border."""
    moved = array.transpose(port.order)
    if port.pixels is None:
        return np.ascontiguousarray(moved, port.dtype.numpy)
    return (np.arange(moved.size, dtype=np.int64) % 256).astype(np.uint8).reshape(moved.shape)


def _inside(array: Array, port: Port) -> Array:
    """An input at the border as the origin takes it."""
    kind = port.type.dtype.numpy
    if port.pixels is None:
        values = array.astype(kind)
    else:
        pixels = (array - port.per_channel(port.pixels.shift)) * port.per_channel(port.pixels.factor)
        values = pixels.astype(kind)
    back = np.argsort(port.order)
    return np.ascontiguousarray(values.transpose(back))
