"""Opening a model: an .onnx file, whose weights stay where they are until they are written, or a ModelProto."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from onnx import GraphProto, ModelProto, StringStringEntryProto, TensorProto, defs

from liteport.errors import InputError, UnsafeFileError
from liteport.formats.disguised import LONGEST, disguise
from liteport.frontends.onnx.attributes import subgraphs
from liteport.frontends.onnx.tensors import PLAIN, carried, checked_type, stored, type_name
from liteport.frontends.onnx.wire import Place, without_weights
from liteport.ir.types import Array

_DIGITS = 19  # of the largest place in a file
OLDEST = 1
"""Operators changed their meaning in opset 7; those before it are read as far as lowerings know their attributes."""


@dataclass(frozen=True)
class OnnxFile:
    """A model; `path` is the file that it came from, in which `places` has the weights that `proto` is without."""

    proto: ModelProto
    path: Path | None = None
    places: Mapping[str, Place] = field(default_factory=dict)
    files: dict[Path, Array] = field(default_factory=dict)

    def array(self, tensor: TensorProto) -> Array:
        """The tensor in the type that liteport carries, a view of the file where that is its own.

        Raises InputError where it contradicts itself, UnsupportedError for a type that has no place, UnsafeFileError
        for data outside of the model's folder.
        """
        checked_type(tensor)
        if tensor.data_location == TensorProto.EXTERNAL:
            return carried(self._external(tensor))
        if tensor.name in self.places and self.path is not None:
            return carried(self._mapped(self.path, self.places[tensor.name], tensor))
        return carried(stored(tensor))

    def referring(self) -> ModelProto:
        """A model in which the weights that stand in this file are external data, at their places in it."""
        if self.path is None or not self.places:
            return self.proto
        model = ModelProto()
        model.CopyFrom(self.proto)
        for tensor in (t for t in model.graph.initializer if t.name in self.places):
            place = self.places[tensor.name]
            about = {"location": self.path.resolve().name, "offset": place.offset, "length": place.length}
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.extend(StringStringEntryProto(key=key, value=str(v)) for key, v in about.items())
        return model

    def release(self) -> None:
        """Gives the memory of the mapped files back; whatever is read again is read from the disk."""
        for content in self.files.values():
            if isinstance(content.base, mmap.mmap):
                content.base.madvise(mmap.MADV_DONTNEED)

    def _external(self, tensor: TensorProto) -> Array:
        about = {entry.key: entry.value for entry in tensor.external_data}
        if self.path is None:
            raise InputError(f"tensor {tensor.name!r} is in a file of its own: give the model's path, not the model")
        file = _beside(self.path, about.get("location", ""), tensor.name)
        offset = _number(about.get("offset", "0"), tensor.name)
        length = _number(about.get("length", str(file.stat().st_size - offset)), tensor.name)
        return self._mapped(file, Place(offset, length), tensor)

    def _mapped(self, file: Path, place: Place, tensor: TensorProto) -> Array:
        """The tensor on the file's own memory. Raises InputError where it is not all there."""
        if file not in self.files:
            whole = np.memmap(file, np.uint8, "r") if file.stat().st_size else np.zeros(0, np.uint8)
            self.files[file] = whole
        content = self.files[file]
        missing = place.offset + place.length - len(content)
        if missing > 0:
            raise InputError(f"tensor {tensor.name!r} ends {missing} bytes behind {file}")
        raw = content[place.offset : place.offset + place.length]
        plain = PLAIN.get(tensor.data_type)
        if plain is None:
            whole = TensorProto()
            whole.CopyFrom(tensor)
            whole.data_location, whole.raw_data = TensorProto.DEFAULT, raw.tobytes()
            return stored(whole)
        shape = tuple(tensor.dims)
        if any(d < 0 for d in shape) or place.length != prod(shape) * plain.itemsize:
            raise InputError(
                f"tensor {tensor.name!r} has {place.length} bytes, which are not "
                f"{type_name(tensor.data_type)}{list(shape)}: the file is damaged"
            )
        return np.ndarray(shape, plain, raw.data)


def read(source: Any) -> OnnxFile:
    """The model in a file, or the one given, checked. Raises InputError, UnsafeFileError."""
    file = OnnxFile(source) if isinstance(source, ModelProto) else _read(Path(source))
    _check(file.proto, "the model" if file.path is None else str(file.path))
    return file


def _read(path: Path) -> OnnxFile:
    if not path.is_file() or not path.stat().st_size:
        raise InputError(f"{path}: there is no such file, or nothing in it")
    try:
        whole = np.memmap(path, np.uint8, "r")
        if (what := disguise(whole[:LONGEST].tobytes())) is not None:
            raise InputError(f"it is {what}")
        content, places = without_weights(memoryview(whole.data))
        return OnnxFile(ModelProto.FromString(content), path, places, {path: whole})
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except InputError as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    except DecodeError as error:
        raise InputError(f"{path} is no ONNX file, or a damaged one: {error}") from error


def _beside(path: Path, location: str, name: str) -> Path:
    """The file of external data. Raises UnsafeFileError where it is not in the model's folder, or below it."""
    if "\0" in location:
        raise InputError(f"{path} has tensor {name!r} in {location!r}, which is no file's name")
    folder = path.parent.resolve()
    file = (folder / location).resolve()
    if not location or Path(location).is_absolute() or not file.is_relative_to(folder):
        raise UnsafeFileError(
            f"{path} has tensor {name!r} in {location!r}, outside of its own folder: move the data beside the model"
        )
    if not file.is_file():
        raise InputError(f"{path} has tensor {name!r} in {location!r}, which is not there")
    return file


def _number(text: str, name: str) -> int:
    if not text.isdecimal() or len(text) > _DIGITS:
        raise InputError(f"tensor {name!r} has external data at {text!r}, which is no place in a file")
    return int(text)


def _check(model: ModelProto, where: str) -> None:
    if not model.HasField("graph") or not model.opset_import:
        raise InputError(f"{where} is no ONNX model: it has no graph, or no opset")
    if not all(isinstance(text, str) for text in _texts(model.graph)):
        raise InputError(f"{where} has names that are no text: the file is damaged")
    newest = defs.onnx_opset_version()
    for opset in model.opset_import:
        if opset.domain in ("", "ai.onnx") and not OLDEST <= opset.version <= newest:
            raise InputError(f"{where} is of opset {opset.version}: export it with one from {OLDEST} to {newest}")


def _texts(graph: GraphProto) -> Iterator[object]:
    """Every name in a graph; protobuf gives bytes for one that is no text."""
    yield from (t.name for t in graph.initializer)
    for info in (*graph.input, *graph.output, *graph.value_info):
        yield info.name
        yield from (d.dim_param for d in info.type.tensor_type.shape.dim)
    for node in graph.node:
        yield from (node.op_type, node.domain, node.name, node.overload, *node.input, *node.output)
        for attribute in node.attribute:
            yield from (attribute.name, attribute.ref_attr_name)
        for inner in subgraphs(node):
            yield from _texts(inner)
