"""Writes a graph as a .keras file: a functional model of Keras's own layers and functions, which needs nothing else.

The model is read by keras.saving.load_model() in safe mode. Weights are weights of layers, to be trained on.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from liteport.backends.keras.emission import REMEDY, Emission, clean_name, place
from liteport.backends.keras.ops import EMITTERS
from liteport.errors import UnsupportedError, UsageError
from liteport.ir import ops
from liteport.ir.graph import Graph, Module, Op, Value
from liteport.ir.ops import Operator

# Entries that come last in the objects of Keras's JSON.
_CHANGING = re.compile(r', "(?:shared_object_id": \d+|date_saved": "[^"]*")')

# The operand that the shape of the result says again, by its number: where it is computed, that need not be written.
SAID_BY_RESULT: dict[type[Operator], int] = {
    ops.BroadcastTo: 1,
    ops.Conv3DTranspose: 0,
    ops.Fill: 0,
    ops.Reshape: 1,
    ops.ResizeBilinear: 1,
    ops.ResizeNearestNeighbor: 1,
    ops.Slice: 2,
    ops.StridedSlice: 2,
    ops.Tile: 1,
    ops.TransposeConv: 0,
}


def save(module: Module, path: str | Path) -> None:
    """Writes the one signature of `module` to `path`, which must end in .keras.

    Raises UsageError for several signatures, UnsupportedError for what Keras's layers cannot say (see `model_of`).
    """
    if len(module.signatures) != 1:
        several = ", ".join(str(graph.signature) for graph in module.signatures)
        raise UsageError(f"a .keras has one signature, the model several ({several}): --separate writes each")
    path = Path(path)
    model = model_of(module.signatures[0])
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        written = Path(folder, path.name)
        model.save(written)
        _settle(written, path)


def _settle(written: Path, path: Path) -> None:
    """Copies the archive without what differs from one run to the next: the time, and the addresses of objects, by
    which Keras would make one object of equal settings."""
    with zipfile.ZipFile(written) as old, zipfile.ZipFile(path, "w") as new:
        for name in sorted(old.namelist()):
            with old.open(name) as source, new.open(zipfile.ZipInfo(name), "w", force_zip64=True) as target:
                if name.endswith(".json"):
                    target.write(_CHANGING.sub("", source.read().decode()).encode())
                else:
                    shutil.copyfileobj(source, target, 1 << 20)


def model_of(graph: Graph) -> Any:
    """The keras.Model of a graph.

    It takes one tensor, or a list of them (or a dict by name); its result is one tensor, a list where the outputs are
    just numbered (output_0, output_1 ...), else a dict by name.
    Raises UnsupportedError with all operators that have no form in Keras, control flow first of all.
    """
    if not graph.inputs:
        raise UnsupportedError(f"the model has no inputs, without which a .keras cannot be: {REMEDY}")
    needed = _needed(graph)
    missing = [op for op in needed if type(op.operator) not in EMITTERS]
    if missing:
        raise _unsupported(missing)
    emission = Emission(graph)
    for op in needed:
        emission.emit(op, EMITTERS[type(op.operator)])
    emission.op = None
    named = zip(graph.output_names, graph.outputs, strict=True)
    outputs = {name: emission.output(value, name) for name, value in named}
    inputs = emission.inputs if len(emission.inputs) > 1 else emission.inputs[0]
    return keras.Model(inputs, _structured(outputs), name=clean_name(str(graph.signature)))


def _needed(graph: Graph) -> list[Op]:
    """The operations that the outputs hang on, apart from those that only say what the shapes of results say."""
    wanted = [value.producer for value in graph.outputs]
    needed: set[int] = set()
    while wanted:
        op = wanted.pop()
        if op is not None and id(op) not in needed:
            needed.add(id(op))
            wanted += [value.producer for value in _read(op)]
    return [op for op in graph.ops if id(op) in needed]


def _read(op: Op) -> Iterator[Value]:
    unread = SAID_BY_RESULT.get(type(op.operator))
    return (value for index, value in enumerate(op.inputs) if value is not None and index != unread)


def _structured(outputs: dict[str, Any]) -> Any:
    if len(outputs) == 1:
        return next(iter(outputs.values()))
    if list(outputs) == [f"output_{number}" for number in range(len(outputs))]:
        return list(outputs.values())
    return outputs


def _unsupported(missing: list[Op]) -> UnsupportedError:
    """The error for operators without a form in Keras: each once, with where the first one comes from."""
    first = {op.name: op for op in reversed(missing)}
    counts = Counter(op.name for op in missing)
    listed = ", ".join(f"{place(first[name])}" + (f" and {n - 1} more" if n > 1 else "") for name, n in counts.items())
    return UnsupportedError(f"a .keras has no layers for {listed}: {REMEDY}")
