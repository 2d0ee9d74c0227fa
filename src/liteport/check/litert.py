"""Running a .tflite in LiteRT."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import interpreter as litert

from liteport.backends.tflite.writer import to_bytes
from liteport.errors import LiteportError
from liteport.ir.graph import Graph, Module
from liteport.ir.types import Array


class LiteRT:
    """A .tflite file loaded in LiteRT's interpreter, as its users run it: default delegate (XNNPACK) on.

    `model` is a path (memory-mapped) or the file's bytes. Raises LiteportError where LiteRT refuses it.
    """

    def __init__(self, model: str | Path | bytes, *, threads: int = 2, delegate: bool = True) -> None:
        kinds = litert.OpResolverType
        resolver = kinds.AUTO if delegate else kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        source: dict[str, Any] = {"model_content": model} if isinstance(model, bytes) else {"model_path": str(model)}
        try:
            self._interpreter = litert.Interpreter(
                **source, num_threads=threads, experimental_op_resolver_type=resolver
            )
        except (RuntimeError, ValueError) as error:
            raise LiteportError(f"LiteRT cannot load the model: {_first_line(error)}") from error
        self.signatures: dict[str, dict[str, list[str]]] = self._interpreter.get_signature_list()

    def run(self, inputs: Mapping[str, Array], signature: str | None = None) -> dict[str, Array]:
        """The named outputs for named inputs, of `signature` or the only one there is."""
        try:
            runner = self._interpreter.get_signature_runner(signature)
            return {name: np.array(value) for name, value in runner(**inputs).items()}
        except (RuntimeError, ValueError) as error:
            raise LiteportError(f"LiteRT cannot run the model: {_first_line(error)}") from error


def evaluate(graph: Graph) -> list[Array]:
    """Runs a graph without inputs, on built-in kernels; its outputs in order."""
    model = LiteRT(to_bytes(Module([graph])), threads=1, delegate=False)
    results = model.run({}, graph.signature)
    return [results[name] for name in graph.output_names]


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
