"""From what a user hands over, a model and perhaps example inputs, to a TensorFlowModel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from liteport.errors import UsageError
from liteport.formats.tensorflow.frozen import Names
from liteport.formats.tensorflow.opening import open_model as open_functions
from liteport.frontends.tensorflow.model import Entries, TensorFlowModel, given_for


def open_model(
    source: Any,
    inputs: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    entries: Entries | None = None,
    dynamic: Any = None,
    fallback: Mapping[str, tuple[Any, ...]] | None = None,
    graph_inputs: Names | None = None,
    graph_outputs: Names | None = None,
    trusted: bool = False,
) -> TensorFlowModel:
    """The model in `source` (see formats.tensorflow.opening), for example inputs by position and name.

    `fallback` are inputs by signature, where none are given. Raises InputError, UnsafeFileError, UnsupportedError,
    UsageError.
    """
    if isinstance(inputs, Mapping):
        raise UsageError("example inputs are a tuple: pass kwargs=inputs for inputs by name")
    args = () if inputs is None else (inputs,) if hasattr(inputs, "dtype") else tuple(inputs)
    named, chosen = dict(kwargs or {}), dict(entries or {})
    falls_back = bool(fallback) and not (args or named or chosen)
    if falls_back:
        chosen = {name: (name, given) for name, given in (fallback or {}).items()}
    seen = _arguments(*next(iter(chosen.values()))) if len(chosen) == 1 else (args, named)
    functions = open_functions(source, graph_inputs, graph_outputs, *seen, trusted)
    if falls_back and len(functions) == len(chosen) == 1:
        chosen, args = {}, seen[0]
    elif falls_back:
        chosen = {name: entry for name, entry in chosen.items() if name in functions}
    return given_for(functions, args, named, chosen, dynamic)


def _arguments(
    method: str, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """The arguments in an entry."""
    return args, kwargs or {}
