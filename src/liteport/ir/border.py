"""Border: how a signature's inputs and outputs look, where that is not as the source has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liteport.ir.types import Array, DType, TensorType


@dataclass(frozen=True)
class Pixels:
    """What the network sees of a pixel p: (p * scale - mean) / std, with one mean and std, or one for each channel."""

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    scale: float = 1 / 255

    @property
    def shift(self) -> Array:
        """What is taken off a pixel before it is multiplied by `factor`."""
        return np.asarray(self.mean, np.float64) / self.scale

    @property
    def factor(self) -> Array:
        return self.scale / np.asarray(self.std, np.float64)


@dataclass(frozen=True)
class Port:
    """An input or output: its name and type in the source, and its name, element type and order at the border.

    `type` has the source's shape, [N, C, ...]; with `channels_last` the border has [N, ..., C]. `pixels` says how an
    integer input becomes the floats that the network takes.
    """

    source: str
    type: TensorType
    name: str
    dtype: DType
    channels_last: bool = False
    pixels: Pixels | None = None

    @property
    def order(self) -> tuple[int, ...]:
        """Which of the source's dimensions stands at each place of the border's shape."""
        rank = self.type.rank
        return (0, *range(2, rank), 1) if self.channels_last else tuple(range(rank))

    def per_channel(self, numbers: Array) -> Array:
        """`numbers`, one or one per channel, in a shape that broadcasts over the border's shape."""
        axis = self.order.index(1)
        return numbers.reshape([-1 if i == axis else 1 for i in range(self.type.rank)])


@dataclass(frozen=True)
class Border:
    """The ports of one signature, in order."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
