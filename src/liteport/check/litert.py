"""Running a .tflite in LiteRT."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from ai_edge_litert import interpreter as litert
from ai_edge_litert import schema_py_generated as schema

from liteport.backends.tflite.writer import to_bytes
from liteport.check.real import Grid
from liteport.check.samples import least_example
from liteport.check.steps import step
from liteport.errors import LiteportError
from liteport.ir import quantised
from liteport.ir.graph import Graph, Module
from liteport.ir.types import Array, Shape
from liteport.quiet import GREETING, without

# The name under which a file without signatures is run.
UNSIGNED = "serving_default"


class Border(TypedDict):
    """A signature's names, in the order of the file's own lists of inputs and outputs."""

    inputs: list[str]
    outputs: list[str]


class LiteRT:
    """A .tflite file loaded in LiteRT's interpreter, as its users run it: default delegate (XNNPACK) on.

    `model` is a path (memory-mapped) or the file's bytes. A file without signatures has one called
    "serving_default", whose names are those of its tensors. Raises LiteportError where LiteRT refuses the file.
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
        self._model = model
        self._runners: dict[str, Any] = {}
        self._delegate = delegate
        self._signed = bool(self._interpreter.get_signature_list())
        self.signatures: dict[str, Border] = _borders(model) if self._signed else {UNSIGNED: self._unsigned()}

    @property
    def quantised(self) -> str:
        """How liteport quantised the file; "" where it did not."""
        root = _root(self._model)
        notes = (root.Metadata(i) for i in range(root.MetadataLength()))
        found = next((each for each in notes if each.Name() == quantised.KEY.encode()), None)
        return "" if found is None else root.Buffers(found.Buffer()).DataAsNumpy().tobytes().decode()

    def example(self, signature: str) -> dict[str, Array]:
        """Inputs of the right types, in order: zeros, and for integers the range that is always valid.

        That is the whole range of a quantised input, and 0 and 1 (indices, flags) of another one.
        Raises LiteportError for inputs that NumPy has no type for.
        """
        details = self._details(signature)
        return {name: _example(name, details[name]) for name in self.signatures[signature]["inputs"]}

    def shapes(self, signature: str) -> dict[str, Shape]:
        """The inputs' shapes, in order, -1 where the file leaves a size open."""
        details = self._details(signature)
        return {name: _shape(details[name]) for name in self.signatures[signature]["inputs"]}

    def trials(self, signature: str) -> list[dict[str, Shape]]:
        """The example's shapes: a file does not say which other ones go together."""
        return [{name: array.shape for name, array in self.example(signature).items()}]

    def steps(self, signature: str) -> dict[str, float]:
        """How far the numbers of each output that hangs on quantised ones lie apart (see check.steps)."""
        root = _root(self._model)
        tensors = _outputs(root, signature) if self._signed else self._unsigned_outputs()
        found = {name: step(root, root.Subgraphs(graph), tensor) for name, (graph, tensor) in tensors.items()}
        return {name: size for name, size in found.items() if size is not None}

    def grids(self, signature: str) -> tuple[dict[str, Grid], dict[str, Grid]]:
        """The scales and zero points of quantised inputs and outputs, by name (see check.real)."""
        if self._signed:
            runner = self._runner(signature)
            return _grids(runner.get_input_details()), _grids(runner.get_output_details())
        sides = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        ins, outs = (_grids({detail["name"]: detail for detail in side}) for side in sides)
        return ins, outs

    def run(self, inputs: Mapping[str, Array], signature: str | None = None) -> dict[str, Array]:
        """The named outputs for named inputs, of `signature` or the only one there is."""
        name = signature if signature is not None else self._only()
        try:
            with _without_greeting() if self._delegate else nullcontext():
                results = self._invoke(inputs, name)
        except (RuntimeError, ValueError) as error:
            raise LiteportError(f"LiteRT cannot run the model: {_first_line(error)}") from error
        return {output: np.array(results[output]) for output in self.signatures[name]["outputs"]}

    def run_in_double(self, inputs: Mapping[str, Array], signature: str) -> None:
        """None: a file is run in the types that it has."""

    def _only(self) -> str:
        if len(self.signatures) != 1:
            raise LiteportError(f"the model has several signatures, name one: {', '.join(self.signatures)}")
        return next(iter(self.signatures))

    def _runner(self, signature: str) -> Any:
        if signature not in self._runners:
            try:
                runner = self._interpreter.get_signature_runner(signature)
                runner.get_input_details()  # fails on names that are no text
                self._runners[signature] = runner
            except ValueError as error:
                raise LiteportError(f"LiteRT cannot run signature {signature!r}: {_first_line(error)}") from error
        return self._runners[signature]

    def _details(self, signature: str) -> dict[str, Any]:
        if self._signed:
            details: dict[str, Any] = self._runner(signature).get_input_details()
            return details
        return {detail["name"]: detail for detail in self._interpreter.get_input_details()}

    def _invoke(self, inputs: Mapping[str, Array], signature: str) -> Mapping[str, Array]:
        if self._signed:
            results: Mapping[str, Array] = self._runner(signature)(**inputs)
            return results
        details = self._details(signature)
        for name, detail in details.items():
            self._interpreter.resize_tensor_input(detail["index"], np.shape(inputs[name]))
        self._interpreter.allocate_tensors()
        for name, detail in details.items():
            self._interpreter.set_tensor(detail["index"], inputs[name])
        self._interpreter.invoke()
        outputs = self._interpreter.get_output_details()
        return {detail["name"]: self._interpreter.get_tensor(detail["index"]) for detail in outputs}

    def _unsigned_outputs(self) -> dict[str, tuple[int, int]]:
        return {detail["name"]: (0, detail["index"]) for detail in self._interpreter.get_output_details()}

    def _unsigned(self) -> Border:
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        return {"inputs": [detail["name"] for detail in inputs], "outputs": [detail["name"] for detail in outputs]}


def evaluate(graph: Graph) -> list[Array]:
    """Runs a graph without inputs, on built-in kernels; its outputs in order."""
    model = LiteRT(to_bytes(Module([graph])), threads=1, delegate=False)
    results = model.run({}, graph.signature)
    return [results[name] for name in graph.output_names]


def _borders(model: str | Path | bytes) -> dict[str, Border]:
    """The signatures' names in the file's order, which LiteRT's own lists have lost (they are sorted)."""
    root = _root(model)
    borders: dict[str, Border] = {}
    for number in range(root.SignatureDefsLength()):
        signature = root.SignatureDefs(number)
        graph = root.Subgraphs(signature.SubgraphIndex())
        borders[signature.SignatureKey().decode()] = {
            "inputs": _names(signature, "Inputs", graph),
            "outputs": _names(signature, "Outputs", graph),
        }
    return borders


def _root(model: str | Path | bytes) -> Any:
    content = model if isinstance(model, bytes) else np.memmap(model, np.uint8, "r")
    return schema.Model.GetRootAs(content, 0)


def _outputs(root: Any, name: str) -> dict[str, tuple[int, int]]:
    """The subgraph and the tensor of each output of a signature."""
    signatures = [root.SignatureDefs(number) for number in range(root.SignatureDefsLength())]
    signature = next(s for s in signatures if s.SignatureKey().decode() == name)
    maps = [signature.Outputs(i) for i in range(signature.OutputsLength())]
    return {entry.Name().decode(): (signature.SubgraphIndex(), entry.TensorIndex()) for entry in maps}


def _names(signature: Any, side: str, graph: Any) -> list[str]:
    maps = [getattr(signature, side)(i) for i in range(getattr(signature, f"{side}Length")())]
    order = [getattr(graph, side)(i) for i in range(getattr(graph, f"{side}Length")())]
    place = {tensor: at for at, tensor in reversed(list(enumerate(order)))}
    return [entry.Name().decode() for entry in sorted(maps, key=lambda e: place.get(e.TensorIndex(), len(order)))]


def _example(name: str, detail: Mapping[str, Any]) -> Array:
    dtype, shape = np.dtype(detail["dtype"]), tuple(int(d) for d in detail["shape"])
    if dtype.kind not in "fiubc":
        raise LiteportError(f"input {name} holds {dtype.name}: give the inputs with --data")
    quantised = len(detail["quantization_parameters"]["scales"]) > 0
    return least_example(shape, dtype, whole=quantised or dtype.itemsize == 1)


def _grids(details: Mapping[str, Mapping[str, Any]]) -> dict[str, Grid]:
    """The one scale of each quantised tensor, and its zero point."""
    found = {name: detail["quantization"] for name, detail in details.items()}
    return {name: (float(scale), int(zero_point)) for name, (scale, zero_point) in found.items() if scale}


def _shape(detail: Mapping[str, Any]) -> Shape:
    signature = detail["shape_signature"]
    return tuple(int(d) for d in (signature if len(signature) else detail["shape"]))


_greeted = False  # whether this process has shown LiteRT's line about its delegate


def _without_greeting() -> AbstractContextManager[None]:
    """Keeps that line, which comes at the first run, off stderr."""
    global _greeted
    first, _greeted = not _greeted, True
    return without(GREETING) if first else nullcontext()


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
