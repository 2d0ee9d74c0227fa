"""From what a user hands over, a file or a ModelProto and example inputs, to an OnnxModel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from liteport.errors import UsageError
from liteport.frontends.onnx.inputs import declared
from liteport.frontends.onnx.model import OnnxModel
from liteport.frontends.onnx.source import read
from liteport.ir.inputs import resolve


def open_model(
    source: Any,
    inputs: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    dynamic: Any = None,
    fallback: Mapping[str, tuple[Any, ...]] | None = None,
) -> OnnxModel:
    """The model in a file (or a ModelProto), for example inputs by position and name.

    `fallback` are inputs by signature, where none are given. Raises UsageError, InputError, UnsupportedError.
    """
    if isinstance(inputs, Mapping):
        raise UsageError("example inputs are a tuple: pass kwargs=inputs for inputs by name")
    if inputs is None and not kwargs and fallback:
        inputs = next(iter(fallback.values()))
    file = read(source)
    args = () if inputs is None else (inputs,) if hasattr(inputs, "dtype") else tuple(inputs)
    return OnnxModel(file, resolve(declared(file.proto.graph), args, kwargs or {}, dynamic))
