"""SavedModel folders: their signatures as functions."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from liteport.errors import InputError, UnsupportedError
from liteport.formats.tensorflow.function import DEFAULT, Function, from_concrete
from liteport.formats.tensorflow.names import GraphNames, Tensor
from liteport.formats.tensorflow.runtime import quietly, tensorflow
from liteport.formats.tensorflow.safety import check_begin, check_graphs

FILE = "saved_model.pb"
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_SHOWN = 5


def open_saved_model(folder: str | Path, trusted: bool = False) -> dict[str, Function]:
    """The signatures by name; one that only repeats another (Keras writes two) is left out.

    Raises InputError for what is no SavedModel, UnsafeFileError for one that reads or writes files (unless `trusted`),
    UnsupportedError where it has no signatures.
    """
    path = Path(folder)
    if path.name == FILE:
        path = path.parent
    if not path.is_dir():
        raise InputError(f"{path}: there is no such folder")
    if not (path / FILE).is_file():
        inside = ", ".join(sorted(entry.name for entry in path.iterdir())[:_SHOWN]) or "nothing"
        raise InputError(f"{path} is no SavedModel: it has no {FILE} (there is {inside})")
    tf = tensorflow()
    if not trusted:
        check_graphs(path, [meta.graph_def for meta in _proto(path / FILE).meta_graphs])
    try:
        with quietly(), tf.device("/CPU:0"):
            loaded = tf.saved_model.load(str(path))
    except Exception as error:  # what TensorFlow raises has no common base
        raise InputError(f"{path} cannot be loaded: {_reason(error)}") from error
    if not loaded.signatures:
        raise UnsupportedError(_unsigned(path, loaded))
    functions = {name: from_concrete(concrete) for name, concrete in loaded.signatures.items()}
    return _without_repeats({name: replace(_ordered(f), owner=loaded) for name, f in functions.items()})


def read_signatures(folder: Path) -> list[GraphNames]:
    """What the signatures of a SavedModel take and give, by name, without loading it. Raises InputError."""
    tf = tensorflow()

    def tensors(infos: Any) -> dict[str, Tensor]:
        return {
            name: Tensor(info.name, tf.as_dtype(info.dtype).name, tuple(d.size for d in info.tensor_shape.dim))
            for name, info in sorted(infos.items())
        }

    found = _proto(folder / FILE).meta_graphs[0].signature_def
    return [
        GraphNames(name, tensors(signature.inputs), tensors(signature.outputs))
        for name, signature in sorted(found.items())
        if not name.startswith("__")
    ]


def _proto(path: Path) -> Any:
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    check_begin(path)
    proto = SavedModel()
    try:
        proto.ParseFromString(path.read_bytes())
    except Exception as error:  # protobuf's own, which depends on its implementation
        raise InputError(f"{path} is no SavedModel, or a damaged one: {_reason(error)}") from error
    return proto


def _ordered(function: Function) -> Function:
    """The function with its inputs and outputs in the order of the one that the signature calls: its own is lost, as
    signatures are written as unordered maps. Sorted by name where it calls none."""
    definition = function.concrete.function_def
    calls = [node for node in definition.node_def if node.op in _CALLS]
    inputs, outputs = sorted(function.inputs), sorted(function.outputs)
    if len(calls) == 1:
        taken = list(calls[0].input)
        makers = {node.name: node.input[0] for node in definition.node_def if node.op == "Identity"}
        made = [makers.get(definition.ret[arg.name].partition(":")[0], "") for arg in definition.signature.output_arg]
        own = [arg.name for arg in definition.signature.input_arg]
        inputs.sort(key=lambda name: _rank(taken, own[function.inputs[name]]))
        outputs.sort(key=lambda name: _number(made[function.outputs[name]]))
    return replace(
        function,
        inputs={name: function.inputs[name] for name in inputs},
        outputs={name: function.outputs[name] for name in outputs},
        specs={name: function.specs[name] for name in inputs},
    )


def _rank(items: list[str], item: str) -> int:
    return items.index(item) if item in items else len(items)


def _number(tensor: str) -> int:
    """2 for "call:output:2"; a large number for what is none."""
    number = tensor.rpartition(":")[2]
    return int(number) if number.isdecimal() else sys.maxsize


def _without_repeats(functions: dict[str, Function]) -> dict[str, Function]:
    """One signature of those with the same body: serving_default, or else the first."""
    kept: dict[tuple[object, ...], str] = {}
    for name, function in functions.items():
        body = _body(function)
        if body not in kept or name == DEFAULT:
            kept[body] = name
    return {name: function for name, function in functions.items() if name in kept.values()}


def _body(function: Function) -> tuple[object, ...]:
    """What a function computes: its nodes, on its own inputs and those variables, to its results."""
    definition = function.concrete.function_def
    return (
        *(node.SerializeToString(deterministic=True) for node in definition.node_def),
        *(arg.name for arg in definition.signature.input_arg),
        *sorted(definition.ret.items()),
        *map(id, function.concrete.captured_inputs),
    )


def _unsigned(path: Path, loaded: Any) -> str:
    functions = [name for name in dir(loaded) if not name.startswith("_") and callable(getattr(loaded, name, None))]
    has = f" It has the functions {', '.join(functions[:_SHOWN])}: " if functions else " "
    return (
        f"{path} was saved without signatures.{has}save it with signatures=, or load it and give "
        "liteport.convert() the function: loaded.NAME.get_concrete_function(tf.TensorSpec([1, 224, 224, 3]))"
    )


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
