"""A TensorFlow model for the inputs that it is converted for: functions, and the module that they become."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from liteport.errors import UnsupportedError, UsageError
from liteport.formats.tensorflow.function import Function
from liteport.formats.tensorflow.runtime import tensorflow
from liteport.frontends.tensorflow.functions import written
from liteport.frontends.tensorflow.lower import lower
from liteport.frontends.tensorflow.module import joined, named
from liteport.ir.graph import Module
from liteport.ir.inputs import Declared, Resolved, resolve
from liteport.ir.sizes import Size, at
from liteport.ir.types import Array, DType, Shape
from liteport.lowering.open_sizes import has_open, open_sizes

Entries = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class TensorFlowModel:
    """Functions by signature, and what each of them is converted for."""

    functions: Mapping[str, Function]
    resolved: Mapping[str, Resolved]

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided about the inputs."""
        return tuple(dict.fromkeys(note for given in self.resolved.values() for note in given.notes))

    @property
    def examples(self) -> dict[str, dict[str, Array]]:
        return {name: {i.name: i.example for i in given.inputs} for name, given in self.resolved.items()}

    @property
    def trials(self) -> dict[str, list[dict[str, Shape]]]:
        """Shapes to compare at: several where sizes stay open."""
        return {name: _trials(given) for name, given in self.resolved.items()}

    def to_ir(self, read: Callable[[bytes], Module]) -> Module:
        """The functions as graphs of one module: TensorFlow's converter lowers, and `read` takes its .tflite.

        Raises UnsupportedError with every operator that has no builtin.
        """
        modules = {}
        for name, function in self.functions.items():
            module, given = written(read(self._lowered[name])), self.resolved[name]
            if has_open(module):
                open_sizes(module, module.graphs[0], [i.shape for i in given.inputs], given.space)
            modules[name] = named(module, name, list(function.inputs), list(function.outputs))
        return joined(modules)

    @cached_property
    def _lowered(self) -> dict[str, bytes]:
        return {name: lower(function, self._specs(name)) for name, function in self.functions.items()}

    def _specs(self, name: str) -> list[Any]:
        """The types that a function is lowered for, None where a size stays open."""
        specs = self.functions[name].specs.values()
        sizes = [[None if isinstance(d, Size) else d for d in i.shape] for i in self.resolved[name].inputs]
        return [tensorflow().TensorSpec(*each) for each in zip(sizes, (s.dtype for s in specs), strict=True)]


def given_for(
    functions: Mapping[str, Function], args: Sequence[Any], kwargs: Mapping[str, Any], entries: Entries, dynamic: Any
) -> TensorFlowModel:
    """The functions with the types of their inputs.

    Inputs by position are those of the only signature; those by name of every one that has them. `entries` chooses
    signatures, and gives each its inputs: {new name: (signature, args, kwargs)}. What is no array is a constant.
    Raises UsageError, UnsupportedError.
    """
    if entries:
        chosen = {name: _chosen(functions, name, *entry) for name, entry in entries.items()}
    else:
        if args and len(functions) > 1:
            raise UsageError(f"there are several signatures ({', '.join(functions)}): give inputs by name, or --entry")
        _known(functions, kwargs)
        own = {n: {k: v for k, v in kwargs.items() if k in f.inputs} for n, f in functions.items()}
        chosen = {name: (function, args, own[name]) for name, function in functions.items()}
    declared = {name: _declared(function) for name, (function, _, _) in chosen.items()}
    resolved = {name: resolve(declared[name], *chosen[name][1:], dynamic) for name in chosen}
    bound = {name: chosen[name][0].bound(resolved[name].constants) for name in chosen}
    return TensorFlowModel(bound, resolved)


def _chosen(
    functions: Mapping[str, Function],
    name: str,
    signature: str,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> tuple[Function, Sequence[Any], Mapping[str, Any]]:
    if signature not in functions:
        raise UsageError(f"--entry {name}: the model has no signature {signature!r}; it has {', '.join(functions)}")
    return functions[signature], args, kwargs or {}


def _known(functions: Mapping[str, Function], kwargs: Mapping[str, Any]) -> None:
    there = dict.fromkeys(name for function in functions.values() for name in function.inputs)
    for name in kwargs:
        if name not in there:
            raise UsageError(f"the model has no input {name!r}: it takes {', '.join(there)}")


def _declared(function: Function) -> list[Declared]:
    """The inputs as the function has them. Raises UnsupportedError for types that are no numbers."""
    return [Declared(name, _dtype(name, spec), _dims(spec)) for name, spec in function.specs.items()]


def _dtype(name: str, spec: Any) -> DType:
    kind = np.dtype(spec.dtype.as_numpy_dtype)
    if kind.kind not in "fiubc":
        raise UnsupportedError(
            f"input {name} holds {spec.dtype.name}: convert the part of the model behind what makes numbers of it"
        )
    return DType.of(np.zeros(0, kind))


def _dims(spec: Any) -> tuple[int | None, ...] | None:
    return None if spec.shape.rank is None else tuple(spec.shape.as_list())


def _trials(given: Resolved) -> list[dict[str, Shape]]:
    numbers = given.space.trials() if given.space.symbols else [{}]
    return [{i.name: tuple(at(d, n) for d in i.shape) for i in given.inputs} for n in numbers]
