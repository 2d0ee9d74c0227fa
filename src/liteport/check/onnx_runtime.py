"""Running an .onnx file in ONNX Runtime."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from liteport.check.litert import UNSIGNED
from liteport.check.samples import least_example
from liteport.errors import LiteportError, UsageError
from liteport.ir.types import Array, Shape
from liteport.onnx_session import open_session, reason

_TENSOR = re.compile(r"tensor\((\w+)\)")
# ONNX Runtime's names of types, where they are not NumPy's.
_TYPES = {"float": "float32", "double": "float64"}


class OnnxRuntime:
    """An .onnx file loaded in ONNX Runtime, on the CPU; `signature` is the name of its only one.

    `model` is a path, or the file's bytes. `shapes` are the example's, by input, where the file leaves dimensions open:
    1 stands for each of these otherwise. Raises UsageError where ONNX Runtime is not installed,
    LiteportError where it refuses the file.
    """

    def __init__(
        self,
        model: str | Path | bytes,
        *,
        signature: str = UNSIGNED,
        threads: int = 2,
        shapes: Mapping[str, Shape] | None = None,
    ) -> None:
        try:
            self._session = open_session(model, threads=threads)
        except UsageError:
            raise
        except Exception as error:  # its exceptions have no base of their own
            raise LiteportError(f"ONNX Runtime cannot load the model: {reason(error)}") from error
        self._inputs = self._session.get_inputs()
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._example_shapes = dict(shapes or {})
        self.signatures: dict[str, Sequence[str]] = {signature: self._outputs}

    def example(self, signature: str) -> dict[str, Array]:
        """Inputs of the right types, in order: zeros, and for integers the range that is always valid.

        Raises LiteportError for inputs that are no tensors, or hold what NumPy has no type for.
        """
        return {node.name: self._example(node) for node in self._inputs}

    def shapes(self, signature: str) -> dict[str, Shape]:
        """The inputs' shapes, in order, -1 where the file leaves a size open."""
        return {node.name: tuple(d if isinstance(d, int) else -1 for d in node.shape) for node in self._inputs}

    def trials(self, signature: str) -> list[dict[str, Shape]]:
        """The example's shapes: a file does not say which other ones go together."""
        return [{name: array.shape for name, array in self.example(signature).items()}]

    def run(self, inputs: Mapping[str, Array], signature: str | None = None) -> dict[str, Array]:
        """The outputs by name for named inputs."""
        try:
            results = self._session.run(self._outputs, dict(inputs))
        except Exception as error:  # its exceptions have no base of their own
            raise LiteportError(f"ONNX Runtime cannot run the model: {reason(error)}") from error
        return {name: _array(name, result) for name, result in zip(self._outputs, results, strict=True)}

    def run_in_double(self, inputs: Mapping[str, Array], signature: str) -> None:
        """None: a file is run in the types that it has."""

    def _example(self, node: Any) -> Array:
        found = _TENSOR.fullmatch(node.type)
        try:
            dtype = np.dtype(_TYPES.get(found[1], found[1])) if found else None
        except TypeError:
            dtype = None
        if dtype is None or dtype.kind not in "fiubc":
            raise LiteportError(f"input {node.name} is a {node.type}: ONNX Runtime takes no array for it")
        shape = self._example_shapes.get(node.name) or tuple(d if isinstance(d, int) else 1 for d in node.shape)
        return least_example(shape, dtype, whole=dtype.itemsize == 1)


def _array(name: str, result: Any) -> Array:
    if not isinstance(result, np.ndarray):
        raise LiteportError(f"output {name} is a {type(result).__name__}, not a tensor: there is nothing to compare")
    return result


def _reason(error: Exception) -> str:
    """The first line of the message, without the code that leads it: "[ONNXRuntimeError] : 1 : FAIL : ..."."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", lines[0]) if lines else type(error).__name__
