"""Calling a converted model like its source: from arguments of any structure to named arrays, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from liteport.check.given import as_numpy
from liteport.errors import UsageError
from liteport.ir.types import Array, DType, Shape, TensorType

Example = Mapping[str, Array]


def bind(
    example: Example, args: Sequence[Any], kwargs: Mapping[str, Any], shapes: Mapping[str, Shape] | None = None
) -> dict[str, Array]:
    """The inputs by name, in the types of `example`, out of a call's arguments.

    `shapes` are those that the inputs take, -1 standing for any size; without them, the example's.

    Positional arguments take the inputs in order; a list, tuple or dict takes as many as it holds, each by its
    place in it (the input `batch_a` is batch["a"]). One dict may give all inputs by their names. Numbers of the
    same kind are converted. Raises UsageError for what is missing, unknown, given twice, or of another shape.
    """
    if len(args) == 1 and not kwargs and isinstance(args[0], Mapping) and set(args[0]) == set(example):
        given = dict(args[0])
    else:
        given = _positional(list(example), args)
        named = {"_".join(path): leaf for key, value in kwargs.items() for path, leaf in _leaves(value, (key,))}
        twice = [name for name in named if name in given]
        if twice:
            raise UsageError(f"input {twice[0]} is given twice, by position and by name")
        given |= named
    missing = [name for name in example if name not in given]
    unknown = [name for name in given if name not in example]
    if missing or unknown:
        what = f"unknown input {unknown[0]}" if unknown else f"no value for input {missing[0]}"
        raise UsageError(f"{what}: the model takes {_described(example)}")
    taken = shapes or {name: like.shape for name, like in example.items()}
    return {name: _as_array(name, given[name], like, taken[name]) for name, like in example.items()}


def structured(results: Mapping[str, Array]) -> Any:
    """The one output; a tuple of outputs called output_0, output_1 ...; else a dict by name."""
    if len(results) == 1:
        return next(iter(results.values()))
    if list(results) == [f"output_{i}" for i in range(len(results))]:
        return tuple(results.values())
    return dict(results)


def _positional(names: list[str], args: Sequence[Any]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for arg in args:
        leaves = list(_leaves(arg))
        block = names[len(given) : len(given) + len(leaves)]
        if len(block) < len(leaves):
            raise UsageError(f"too many inputs: the model takes {len(names)} ({', '.join(names)})")
        given |= {_named(path, block): leaf for path, leaf in leaves}
    return given


def _named(path: tuple[str, ...], names: Sequence[str]) -> str:
    """The input at `path` of a positional argument that takes these inputs."""
    if not path:
        return names[0]
    found = [name for name in names if name.endswith("_" + "_".join(path))]
    if len(found) != 1:
        raise UsageError(f"which input is {'.'.join(path)}? Give the inputs by name: {', '.join(names)}")
    return found[0]


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The values in nested lists, tuples and dicts, each with its keys and places; None is no value."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from _leaves(item, (*path, str(place)))
    elif value is not None:
        yield path, value


def _as_array(name: str, value: Any, like: Array, shape: Shape) -> Array:
    array = as_numpy(value)
    fits = array.ndim == len(shape) and all(want in (-1, d) for d, want in zip(array.shape, shape, strict=True))
    if not fits or not np.can_cast(array.dtype, like.dtype, "same_kind"):
        got = f"{array.dtype.name}[{','.join(map(str, array.shape))}]"
        wanted = ",".join("any" if d == -1 else str(d) for d in shape)
        raise UsageError(f"input {name} takes {like.dtype.name}[{wanted}], not {got}")
    return np.ascontiguousarray(array, like.dtype).reshape(array.shape)


def _described(example: Example) -> str:
    return ", ".join(f"{name} {_type(like)}" for name, like in example.items())


def _type(like: Array) -> TensorType:
    return TensorType(DType.of(like), like.shape)
