"""An ONNX model as liteport sees it: a graph that can be imported into the IR, and run for comparison."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto
from onnx.reference import ReferenceEvaluator

from liteport.errors import InputError, UsageError
from liteport.frontends.onnx.context import Table
from liteport.frontends.onnx.importer import import_graph
from liteport.frontends.onnx.ops import LOWERINGS
from liteport.frontends.onnx.precision import has_half, in_float32, in_float64
from liteport.frontends.onnx.source import OnnxFile
from liteport.frontends.onnx.steps import is_quantised, steps
from liteport.frontends.onnx.tensors import carried
from liteport.ir.graph import Module
from liteport.ir.inputs import Resolved
from liteport.ir.sizes import Size, at
from liteport.ir.types import Array, Shape, TensorType
from liteport.onnx_session import give_back, open_session, reason

SIGNATURE = "serving_default"

# The newest form of the container that every ONNX Runtime reads; newer ones only add types that it has no kernels for.
_IR_VERSION = 10

# What ONNX Runtime calls floats, in NumPy.
_NUMPY = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}


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

    def steps(self, signature: str) -> dict[str, float]:
        """How far the numbers of quantised outputs lie apart (check.Stepped)."""
        return steps(self.file)

    def run(self, inputs: Mapping[str, Array], signature: str) -> dict[str, Array]:
        """ONNX Runtime's outputs by name, in float32 where the model has half precision.

        Raises InputError where it fails on these inputs.
        """
        try:
            results = self._results(self._session, inputs)
        except Exception as error:  # what they raise has no common base
            raise InputError(
                f"the model fails on these inputs ({reason(error)}): check their shapes and values"
            ) from error
        return {name: carried(array) for name, array in results.items()}

    def run_in_double(self, inputs: Mapping[str, Array], signature: str) -> dict[str, Array] | None:
        """The outputs by name, in float64; None where ONNX Runtime has no kernel of that type for the model."""
        if self._in_double is None:
            return None
        try:
            return self._results(self._in_double, inputs)
        except Exception:  # as above
            return None

    def rest(self) -> None:
        """Gives ONNX Runtime's memory back, until the model is run again."""
        for session in ("_session", "_in_double"):
            self.__dict__.pop(session, None)
        give_back()

    def _results(self, session: Any, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """What a session gives for these inputs, and the constants, in its own types."""
        types = {node.name: _NUMPY.get(node.type) for node in session.get_inputs()}
        fed = {
            name: value.astype(types.get(name) or value.dtype) for name, value in {**self.constants, **inputs}.items()
        }
        names = list(dict.fromkeys(o.name for o in self.file.proto.graph.output))
        return {name: np.asarray(r) for name, r in zip(names, session.run(names, fed), strict=True)}

    @cached_property
    def _session(self) -> Any:
        """The model in ONNX Runtime, as it stands where it is not quantised: optimising copies the weights. In ONNX's
        own, slow, reference implementation where ONNX Runtime cannot load it, which is noted."""
        self.file.release()
        try:
            return open_session(self._runnable(), optimise=is_quantised(self.file), folder=self._folder)
        except UsageError:
            raise
        except Exception as error:  # as above
            self._note(f"ONNX Runtime cannot run the model ({reason(error)}): ONNX's reference implementation does")
            return _Reference(str(self.file.path) if self.file.path else self.file.proto)

    @cached_property
    def _in_double(self) -> Any:
        try:
            return open_session(_older(in_float64(self.file)), optimise=False)
        except Exception:  # as above
            return None

    @property
    def _folder(self) -> Path | None:
        """Where the file's external data stand."""
        return self.file.path.resolve().parent if self.file.path else None

    def _note(self, text: str) -> None:
        self.notes = tuple(dict.fromkeys([*self.notes, text]))

    def _runnable(self) -> str | bytes:
        """The model for ONNX Runtime, in a form of the container that it knows; weights stay in the file."""
        proto = self.file.proto
        if has_half(proto):
            return _older(in_float32(self.file))
        if self.file.places or proto.ir_version > _IR_VERSION:
            return _older(self.file.referring())
        return str(self.file.path) if self.file.path else proto.SerializeToString()


class _Reference(ReferenceEvaluator):
    """ONNX's reference implementation, asked for its inputs as ONNX Runtime is, and as quiet."""

    def __init__(self, source: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            super().__init__(source)

    def get_inputs(self) -> list[Any]:
        return []

    def run(self, *args: Any, **kwargs: Any) -> Any:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return super().run(*args, **kwargs)


def _older(model: ModelProto) -> bytes:
    """The model in a form of the container that every ONNX Runtime knows."""
    copy = ModelProto.FromString(model.SerializeToString())
    copy.ir_version = min(copy.ir_version, _IR_VERSION)
    return copy.SerializeToString()
