"""Whatever is a model of TensorFlow, opened as functions by signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from liteport.errors import UsageError
from liteport.formats.tensorflow.frozen import Names, open_graph
from liteport.formats.tensorflow.function import DEFAULT, Function, from_concrete
from liteport.formats.tensorflow.keras_model import SUFFIXES, open_keras
from liteport.formats.tensorflow.runtime import quietly, tensorflow
from liteport.formats.tensorflow.saved_model import FILE, open_saved_model

GRAPHS = (".pb", ".pbtxt")
_KERAS = "keras model"
_CONCRETE = "concrete function"
_TRACEABLE = "function"
_MODULE = "module"
# Known by the names of their classes: nothing is imported to tell what a model is.
_CLASSES = {
    "keras.src.models.model.Model": _KERAS,
    "tensorflow.python.eager.polymorphic_function.concrete_function.ConcreteFunction": _CONCRETE,
    "tensorflow.python.eager.polymorphic_function.polymorphic_function.Function": _TRACEABLE,
    "tensorflow.python.module.module.Module": _MODULE,
}


def is_tensorflow(model: Any) -> bool:
    """Whether `model` is TensorFlow's: a folder, a .pb, .keras or .h5 file, a Keras model, a concrete function, a
    tf.function, or a tf.Module."""
    if isinstance(model, str | Path):
        named = Path(model).suffix.lower() in (*GRAPHS, *SUFFIXES) or str(model).endswith("/")
        return named or (Path(model) / FILE).is_file()
    return _kind(model) is not None


def open_model(
    model: Any,
    inputs: Names | None = None,
    outputs: Names | None = None,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    trusted: bool = False,
) -> dict[str, Function]:
    """The functions of a model by signature. Raises InputError, UnsafeFileError, UnsupportedError, UsageError.

    `inputs` and `outputs` name tensors of a frozen graph; `args` and `kwargs` are arrays like the inputs of what says
    nothing of these itself. `trusted` models may run code and reach files.
    """
    is_graph = isinstance(model, str | Path) and Path(model).suffix.lower() in GRAPHS
    is_graph = is_graph and Path(model).name != FILE
    if (inputs or outputs) and not is_graph:
        raise UsageError(f"--inputs and --outputs name tensors of a frozen graph (.pb): {_label(model)} is none")
    if is_graph:
        return open_graph(model, inputs, outputs, trusted)
    if isinstance(model, str | Path):
        if Path(model).suffix.lower() in SUFFIXES and not Path(model).is_dir():
            return open_keras(model, args, kwargs or {}, trusted)
        return open_saved_model(model, trusted)
    return _OPENERS[_kind(model) or ""](model, args, kwargs or {})


def _kind(model: Any) -> str | None:
    names = (f"{base.__module__}.{base.__qualname__}" for base in type(model).__mro__)
    return next((_CLASSES[name] for name in names if name in _CLASSES), None)


def _label(model: Any) -> str:
    return str(model) if isinstance(model, str | Path) else type(model).__name__


def _concrete(model: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Function]:
    return {DEFAULT: from_concrete(model)}


def _traceable(model: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Function]:
    """A tf.function, traced for its own input_signature or for the examples."""
    tf = tensorflow()
    if model.input_signature is not None:
        args, kwargs = (), {}
    elif not args and not kwargs:
        raise UsageError(
            "the shapes of the function's inputs are not known: give example inputs, or "
            "function.get_concrete_function(tf.TensorSpec([1, 224, 224, 3]))"
        )
    specs = [tf.TensorSpec(array.shape, array.dtype) if hasattr(array, "dtype") else array for array in args]
    named = {n: tf.TensorSpec(a.shape, a.dtype) if hasattr(a, "dtype") else a for n, a in kwargs.items()}
    with quietly():
        return {DEFAULT: from_concrete(model.get_concrete_function(*specs, **named))}


def _module(model: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Function]:
    """Those functions of a tf.Module that have an input_signature, each a signature of its own."""
    members = {name: getattr(model, name, None) for name in dir(model) if not name.startswith("__")}
    traceable = {name: member for name, member in members.items() if _kind(member) == _TRACEABLE}
    found = {name: function for name, function in traceable.items() if getattr(function, "input_signature", None)}
    if not found:
        raise UsageError(
            f"{type(model).__name__} has no tf.function with an input_signature: give liteport.convert() one of its "
            "functions, module.NAME.get_concrete_function(...)"
        )
    return {name: _traceable(function, args, kwargs)[DEFAULT] for name, function in found.items()}


_OPENERS = {_KERAS: open_keras, _CONCRETE: _concrete, _TRACEABLE: _traceable, _MODULE: _module}
