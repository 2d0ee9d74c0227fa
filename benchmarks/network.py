"""What the runner needs of a network: how to build it, and what to call it with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from examples.support.weights import seeded


@dataclass(frozen=True)
class Network:
    """`make` builds the module; `inputs` and `kwargs` make the example arguments of its forward.

    All three run in the process that converts the network, with seeded random numbers, and import what they need:
    a table of networks costs nothing to read.
    """

    make: Callable[[], nn.Module]
    inputs: Callable[[], tuple[Any, ...]] = tuple
    kwargs: Callable[[], Mapping[str, Any]] = dict

    def build(self) -> nn.Module:
        """The module, in eval mode, with the same random weights at every run."""
        return seeded(self.make)

    def example(self, seed: int = 0) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """The example arguments and keyword arguments, the same at every run."""
        torch.manual_seed(seed)
        return self.inputs(), self.kwargs()


Table = Mapping[str, Network]
"""Networks by name, in the order in which they run: small ones first."""


def noise(*shape: int) -> Callable[[], tuple[Tensor]]:
    """One input of standard-normal noise, such as an image."""
    return lambda: (torch.randn(shape),)
