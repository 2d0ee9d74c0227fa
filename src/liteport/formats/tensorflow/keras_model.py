"""Keras models: .keras and .h5 files, and model objects, as functions."""

from __future__ import annotations

import inspect
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from liteport.errors import InputError, UnsafeFileError, UnsupportedError, UsageError
from liteport.formats.tensorflow.function import DEFAULT, Function, from_concrete
from liteport.formats.tensorflow.runtime import keras, quietly, tensorflow
from liteport.formats.tensorflow.safety import check_begin

SUFFIXES = (".keras", ".h5", ".hdf5")
_INFLATION = 8  # Keras stores its entries as they are; an archive that was packed anew stays far below this factor


def open_keras(
    model: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] = MappingProxyType({}), trusted: bool = False
) -> dict[str, Function]:
    """A model, or one in a file, as one function, run as in inference.

    Its inputs have the names of its input layers, or of its `call`'s parameters; its outputs those of its output
    layers, or of the keys of its result. `args` and `kwargs` are arrays like the arguments of a call whose shapes the
    model does not know. Raises InputError, UnsafeFileError, UsageError.
    """
    found = load(Path(model), trusted) if isinstance(model, str | Path) else model
    keras()
    return {DEFAULT: _function(found, args, kwargs)}


def load(path: Path, trusted: bool = False) -> Any:
    """The model in a .keras or .h5 file. Raises InputError, UnsafeFileError for one with code in it."""
    if not path.is_file() or not path.stat().st_size:
        raise InputError(f"{path}: there is no such file, or nothing in it")
    if path.name.endswith(".weights.h5"):
        raise InputError(f"{path} has weights only: load them into the model that they belong to, and convert that")
    check_begin(path)
    if path.suffix == ".keras":
        _check_archive(path)
    framework = keras()
    try:
        with quietly():
            return framework.saving.load_model(str(path), compile=False, safe_mode=not trusted)
    except Exception as error:  # what Keras raises has no common base
        raise _explained(path, error) from error


def _check_archive(path: Path) -> None:
    """Raises InputError for what is no archive of Keras, UnsafeFileError for one that reaches outside its folder."""
    try:
        with zipfile.ZipFile(path) as archive:
            names, unpacked = archive.namelist(), sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise InputError(f"{path} is no .keras file, or a damaged one: {error}") from error
    if unpacked > max(_INFLATION * path.stat().st_size, 1 << 20):
        raise UnsafeFileError(f"{path} looks like a zip bomb (it would unpack to {unpacked:,} bytes): do not use it")
    if "config.json" not in names:
        raise InputError(f"{path} is no .keras file: it has no config.json")
    for name in names:
        place = PurePosixPath(name.replace("\\", "/"))
        if place.is_absolute() or ".." in place.parts:
            raise UnsafeFileError(f"{path} has {name!r}, outside of its own folder")


def _explained(path: Path, error: Exception) -> InputError:
    text = " ".join(str(error).split())
    if "safe_mode" in text or "unsafe" in text.lower() or ("Lambda" in text and "deserializ" in text):
        return UnsafeFileError(
            f"{path} has Python code in it (a Lambda layer), which would run: convert it only if you trust where it "
            "came from, with --trust-pickle (trust_pickle=True)"
        )
    if "Could not locate class" in text or "Unknown layer" in text or "custom_objects" in text:
        return InputError(
            f"{path} has classes of its own ({_first(text)}): import their code and load the model with "
            "keras.saving.load_model(), then give liteport.convert() the model"
        )
    return InputError(f"{path} cannot be loaded: {_first(text)}")


def _first(text: str) -> str:
    """The first sentence."""
    return text.split(". ")[0][:300]


def _function(model: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Function:
    """The model's call in inference. Raises UsageError where its inputs are not known."""
    tf = tensorflow()
    tensors = getattr(model, "inputs", None)
    if tensors:
        structure = model.input if isinstance(getattr(model, "input", None), Mapping) else None
        types = {_layer(tensor): (tensor.shape, tensor.dtype) for tensor in tensors}
    elif args or kwargs:
        structure = None
        given = dict(zip(_parameters(model, len(args)), args, strict=True)) | dict(kwargs)
        types = {
            name: (array.shape, "float32" if array.dtype.kind == "f" else array.dtype) for name, array in given.items()
        }
    else:
        raise UsageError(
            f"the shapes of the inputs of {type(model).__name__} are not known: give example inputs "
            "(np.zeros((1, 224, 224, 3), np.float32)), or --input 1,224,224,3"
        )
    named = [tf.TensorSpec(*type, name) for name, type in types.items()]
    names = list(types)

    def call(*args: Any) -> Any:
        if not tensors:
            return model(**dict(zip(names, args, strict=True)), training=False)
        return _named(model, model(_arranged(structure, tensors, args), training=False))

    try:
        with quietly():
            function = from_concrete(tf.function(call, autograph=False).get_concrete_function(*named))
    except (UnsupportedError, UsageError):
        raise
    except Exception as error:  # whatever the model's own code raises
        raise InputError(
            f"{type(model).__name__} fails on {_shown(named)}: {_first(' '.join(str(error).split()))}"
        ) from error
    inputs = {name: place for place, name in enumerate(names)}
    specs = dict(zip(names, named, strict=True))
    return replace(function, inputs=inputs, specs=specs, traced=lambda tensors: tf.nest.flatten(call(*tensors)))


def _arranged(structure: Any, tensors: Sequence[Any], args: tuple[Any, ...]) -> Any:
    """The inputs as the model takes them: one, a list, or a dict of them."""
    if structure is not None:
        places = {id(tensor): at for at, tensor in enumerate(tensors)}
        return {key: args[places[id(tensor)]] for key, tensor in structure.items()}
    return list(args) if len(args) > 1 else args[0]


def _named(model: Any, result: Any) -> Any:
    """The result as a dict by the names of the output layers, where the model has such and no keys of its own."""
    if isinstance(result, Mapping) or not getattr(model, "outputs", None):
        return result
    names = [_layer(tensor) for tensor in model.outputs]
    results = result if isinstance(result, list | tuple) else [result]
    unique = len(set(names)) == len(names) == len(results)
    return dict(zip(names, results, strict=True)) if unique else result


def _layer(tensor: Any) -> str:
    """The name of the layer that a tensor comes from: the tensor's own counts those of the process."""
    return str(tensor._keras_history.operation.name)


def _parameters(model: Any, count: int) -> list[str]:
    """The names of the first parameters of the model's call."""
    names = [p.name for p in inspect.signature(model.call).parameters.values() if p.kind is not p.VAR_KEYWORD]
    taken = [name for name in names if name not in ("training", "mask")]
    return [*taken, *(f"input_{number}" for number in range(len(taken), count))][:count]


def _shown(specs: Sequence[Any]) -> str:
    return ", ".join(f"{s.name}{s.shape.as_list()}" for s in specs)
