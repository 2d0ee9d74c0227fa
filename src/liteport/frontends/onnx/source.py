"""Opening a model: an .onnx file, or a ModelProto that is there already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto

from liteport.errors import InputError

OLDEST = 1
"""Operators changed their meaning in opset 7; those before it are read as far as lowerings know their attributes."""


def read(source: Any) -> ModelProto:
    """The model in a file, or the one given, checked. Raises InputError, UnsafeFileError."""
    model = source if isinstance(source, ModelProto) else _read(Path(source))
    where = "the model" if isinstance(source, ModelProto) else str(source)
    _check(model, where)
    return model


def _read(path: Path) -> ModelProto:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    model = ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        raise InputError(f"{path} is no ONNX file, or a damaged one: {error}") from error
    for tensor in model.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            onnx.load_external_data(model, str(path.parent))
            break
    return model


def _check(model: ModelProto, where: str) -> None:
    if not model.HasField("graph") or not model.opset_import:
        raise InputError(f"{where} is no ONNX model: it has no graph, or no opset")
    newest = onnx.defs.onnx_opset_version()
    for opset in model.opset_import:
        if opset.domain in ("", "ai.onnx") and not OLDEST <= opset.version <= newest:
            raise InputError(f"{where} is of opset {opset.version}: export it with one from {OLDEST} to {newest}")
