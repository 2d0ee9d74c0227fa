"""What a model is that is handed over, and what opens it: the one place that knows the kinds of sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from liteport.check.runner import Runner
from liteport.errors import InputError, UsageError
from liteport.ir.graph import Module
from liteport.model import Progress, report

Entries = Mapping[str, Sequence[Any]]
Fallback = Mapping[str, tuple[Any, ...]]


class Origin(Runner, Protocol):
    """What is converted: it can be imported into the IR, and run for comparison. `notes` say what was decided on."""

    @property
    def notes(self) -> tuple[str, ...]: ...

    def to_ir(self) -> Module: ...


@dataclass(frozen=True)
class Given:
    """What convert() and verify() are told of a model that is no .tflite."""

    inputs: Any = None
    kwargs: Mapping[str, Any] | None = None
    entries: Entries | None = None
    dynamic: Any = None
    factory: str | None = None
    factory_args: Mapping[str, Any] | str | None = None
    source_dir: str | Path | None = None
    trust_pickle: bool = False
    graph_inputs: Any = None
    graph_outputs: Any = None

    def open(self, model: Any, progress: Progress | None, fallback: Fallback | None = None) -> Any:
        """The Origin in `model`. `fallback` are inputs by signature, where none are given.

        Each frontend is imported where it is used.
        """
        if is_tensorflow(model):
            return self._from_tensorflow(model, fallback)
        if self.graph_inputs or self.graph_outputs:
            raise UsageError(f"--inputs and --outputs name tensors of a frozen graph (.pb): {model} is none")
        if is_onnx(model):
            return self._from_onnx(model, fallback)
        return self._from_torch(model, fallback, progress)

    def _from_tensorflow(self, model: Any, fallback: Fallback | None) -> Origin:
        self._refuse_factory(model)
        from liteport.check.tensorflow import TensorFlow
        from liteport.frontends.tensorflow.entries import open_model
        from liteport.frontends.tflite.reader import read

        chosen = self.graph_inputs, self.graph_outputs, self.trust_pickle
        found = open_model(model, self.inputs, self.kwargs, self.entries, self.dynamic, fallback, *chosen)

        class FromTensorFlow(TensorFlow):
            notes = found.notes

            def to_ir(self) -> Module:
                return found.to_ir(read)

        return FromTensorFlow(found.functions, found.examples, found.trials)

    def _from_onnx(self, model: Any, fallback: Fallback | None) -> Origin:
        self._refuse_factory(model)
        if self.entries:
            raise UsageError(f"{model} is complete: leave --entry and --model out")
        from liteport.frontends.onnx.entries import open_model

        return open_model(model, self.inputs, self.kwargs, self.dynamic, fallback)

    def _from_torch(self, model: Any, fallback: Fallback | None, progress: Progress | None) -> Any:
        from liteport.frontends.torch.entries import Options, open_model

        options = Options(self.factory, self.factory_args, self.source_dir, self.trust_pickle)
        origin = open_model(model, self.inputs, self.kwargs, self.entries, options, fallback, self.dynamic)
        report(progress, "export")
        origin.export()
        return origin

    def _refuse_factory(self, model: Any) -> None:
        if self.factory or self.factory_args:
            raise UsageError(f"{model} is complete: leave --entry and --model out")


def is_tflite(model: Any) -> bool:
    """Whether `model` is a path that names a .tflite file."""
    return isinstance(model, str | Path) and Path(model).suffix.lower() == ".tflite"


def is_onnx(model: Any) -> bool:
    """Whether `model` is a path that names an .onnx file, or an onnx.ModelProto."""
    if isinstance(model, str | Path):
        return Path(model).suffix.lower() == ".onnx"
    return type(model).__module__.startswith("onnx.") and type(model).__name__ == "ModelProto"


def is_tensorflow(model: Any) -> bool:
    """Whether `model` is TensorFlow's: see formats.tensorflow.opening, which imports no TensorFlow for this."""
    from liteport.formats.tensorflow.opening import is_tensorflow as is_one

    return is_one(model)


def onnx_runner(side: Any) -> Runner | None:
    """An .onnx file in ONNX Runtime; None for whatever is none. Raises InputError where it is not there."""
    if not (is_onnx(side) and isinstance(side, str | Path)):
        return None
    if not Path(side).is_file():
        raise InputError(f"{side}: there is no such file")
    from liteport.check.onnx_runtime import OnnxRuntime

    return OnnxRuntime(side)
