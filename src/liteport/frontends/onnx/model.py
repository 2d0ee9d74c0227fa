"""An ONNX model as liteport sees it: a graph that can be imported into the IR, and run for comparison."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import ModelProto, TensorProto
from onnx.reference import ReferenceEvaluator

from liteport.errors import InputError
from liteport.frontends.onnx.context import Table
from liteport.frontends.onnx.importer import import_graph
from liteport.frontends.onnx.inputs import Resolved
from liteport.frontends.onnx.ops import LOWERINGS
from liteport.frontends.onnx.source import OnnxFile
from liteport.frontends.onnx.tensors import carried
from liteport.ir.graph import Module
from liteport.ir.sizes import Size, at
from liteport.ir.types import Array, Shape, TensorType

SIGNATURE = "serving_default"

# The newest form of the container that every ONNX Runtime reads; newer ones only add types that it has no kernels for.
_IR_VERSION = 10

# What ONNX's element types are in NumPy.
_NUMPY = {
    TensorProto.FLOAT: np.float32,
    TensorProto.DOUBLE: np.float64,
    TensorProto.FLOAT16: np.float16,
}


class OnnxModel:
    """One graph with its inputs' types and example values; `notes` say what was decided about them."""

    def __init__(self, file: OnnxFile, given: Resolved, table: Table = LOWERINGS) -> None:
        self.file = file
        self.inputs = {i.name: i for i in given.inputs}
        self.constants = given.constants
        self.space = given.space
        self.notes = tuple(given.notes)
        self.table = table

    def to_ir(self) -> Module:
        """The graph, and the bodies of its control flow. Raises UnsupportedError for operators without a lowering."""
        types = {name: TensorType(i.dtype, i.shape) for name, i in self.inputs.items()}
        return Module(import_graph(self.file, types, self.constants, SIGNATURE, self.table, self.space))

    # The runner that comparisons use (check.Runner)

    @property
    def signatures(self) -> Mapping[str, Any]:
        return {SIGNATURE: self}

    def example(self, signature: str) -> dict[str, Array]:
        return {name: carried(i.example) for name, i in self.inputs.items()}

    def shapes(self, signature: str) -> dict[str, Shape]:
        return {n: tuple(-1 if isinstance(d, Size) else d for d in i.shape) for n, i in self.inputs.items()}

    def trials(self, signature: str) -> list[dict[str, Shape]]:
        numbers = self.space.trials() if self.space.symbols else [{}]
        return [{name: tuple(at(d, n) for d in i.shape) for name, i in self.inputs.items()} for n in numbers]

    def run(self, inputs: Mapping[str, Array], signature: str) -> dict[str, Array]:
        """ONNX Runtime's outputs by name. Raises InputError where it fails on these inputs."""
        feeds = {name: self._fed(name, inputs[name]) for name in self.inputs}
        feeds |= {name: self._fed(name, value) for name, value in self.constants.items()}
        names = [o.name for o in self.file.proto.graph.output]
        try:
            results = self._session.run(names, feeds)
        except Exception as error:  # what they raise has no common base
            first = str(error).splitlines()[0]
            raise InputError(f"the model fails on these inputs ({first}): check their shapes and values") from error
        return {name: carried(np.asarray(r)) for name, r in zip(names, results, strict=True)}

    def run_in_double(self, inputs: Mapping[str, Array], signature: str) -> dict[str, Array] | None:
        return None

    def _fed(self, name: str, value: Array) -> Array:
        """A value for an input in the model's own type."""
        return value.astype(_NUMPY.get(self._types[name], value.dtype))

    @cached_property
    def _types(self) -> dict[str, int]:
        return {i.name: i.type.tensor_type.elem_type for i in self.file.proto.graph.input}

    @cached_property
    def _session(self) -> Any:
        """The model in ONNX Runtime; in ONNX's own, slow, reference implementation where that has no kernel for it."""
        options = ort.SessionOptions()
        options.log_severity_level = 4
        # Without this its products of 8 bits overflow on processors without VNNI.
        options.add_session_config_entry("session.x64quantprecision", "1")
        try:
            return ort.InferenceSession(self._runnable(), options, providers=["CPUExecutionProvider"])
        except Exception:  # as above
            return ReferenceEvaluator(str(self.file.path) if self.file.path else self.file.proto)

    def _runnable(self) -> str | bytes:
        """The model for ONNX Runtime, as a path where it is in a file, in a form of the container that it knows."""
        proto = self.file.proto
        if proto.ir_version <= _IR_VERSION:
            return str(self.file.path) if self.file.path else proto.SerializeToString()
        older = onnx.load(self.file.path) if self.file.path else ModelProto.FromString(proto.SerializeToString())
        older.ir_version = _IR_VERSION
        return older.SerializeToString()
