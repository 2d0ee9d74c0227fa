"""What a comparison needs of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from liteport.ir.types import Array, Shape


class Runner(Protocol):
    """A model that can be run: PyTorch's own, a .tflite in LiteRT, or an .onnx in ONNX Runtime."""

    @property
    def signatures(self) -> Mapping[str, Any]:
        """The entry points by name, in order."""

    def example(self, signature: str) -> Mapping[str, Array]:
        """Inputs by name, in order. Random integers keep to the range of the example's."""

    def shapes(self, signature: str) -> Mapping[str, Shape]:
        """The shapes of the inputs by name, -1 where a size may be another than the example's."""

    def trials(self, signature: str) -> Sequence[Mapping[str, Shape]]:
        """Shapes of the inputs to compare at, the example's first: several where they have dynamic dimensions."""

    def run(self, inputs: Mapping[str, Array], signature: str) -> Mapping[str, Array]:
        """The outputs by name, in order, for inputs of the example's types."""

    def run_in_double(self, inputs: Mapping[str, Array], signature: str) -> Mapping[str, Array] | None:
        """The outputs as they are in float64; None where the model can only be run as it is."""


@runtime_checkable
class Stepped(Protocol):
    """A model that knows which of its outputs hang on quantised numbers."""

    def steps(self, signature: str) -> Mapping[str, float]:
        """How far the numbers of these lie apart, by name (see check.steps)."""


@runtime_checkable
class Marked(Protocol):
    """A model that may have been quantised by liteport."""

    @property
    def quantised(self) -> str:
        """How: "fp16", "dynamic" or "int8"; "" where it was not."""


@runtime_checkable
class Resting(Protocol):
    """A model that can do without the memory that it runs in while another one is run."""

    def rest(self) -> None:
        """Gives it back, until the model is run again."""


@runtime_checkable
class Noting(Protocol):
    """A model that may have something to say about how it was run."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What it has to say so far."""
