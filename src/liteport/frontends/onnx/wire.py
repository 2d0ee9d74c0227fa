"""The framing of protobuf files: enough of it to find a model's weights without reading them.

A message is a row of fields, each led by a varint of its number and wire type; see protobuf's encoding documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from liteport.errors import InputError

# Numbers of fields in onnx.proto.
_GRAPH, _INITIALIZER, _NAME, _RAW_DATA = 7, 5, 8, 9

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LARGE = 1 << 12  # bytes from which a tensor's data stay in the file


class Field(NamedTuple):
    """A field: its number, where its tag begins, and from where to where its content stands."""

    number: int
    tag: int
    begin: int
    end: int


class Place(NamedTuple):
    """Where a tensor's raw data stand in the file."""

    offset: int
    length: int


def without_weights(content: memoryview) -> tuple[bytes, dict[str, Place]]:
    """A ModelProto without the raw data of its graph's large initialisers, and where these stand, by name.

    Raises InputError where the framing is broken.
    """
    places: dict[str, Place] = {}
    parts: list[bytes] = []
    for field in _fields(content, 0, len(content)):
        if field.number != _GRAPH:
            parts.append(bytes(content[field.tag : field.end]))
            continue
        graph = b"".join(_small_parts(content, field, places))
        parts += [_head(_GRAPH, len(graph)), graph]
    return b"".join(parts), places


def _small_parts(content: memoryview, graph: Field, places: dict[str, Place]) -> Iterator[bytes]:
    """The fields of a graph, its large initialisers without their data."""
    for field in _fields(content, graph.begin, graph.end):
        if field.number != _INITIALIZER or field.end - field.begin < _LARGE:
            yield bytes(content[field.tag : field.end])
            continue
        inner = list(_fields(content, field.begin, field.end))
        name = next((bytes(content[f.begin : f.end]) for f in inner if f.number == _NAME), b"")
        kept = [f for f in inner if f.number != _RAW_DATA]
        for raw in (f for f in inner if f.number == _RAW_DATA):
            places[name.decode(errors="replace")] = Place(raw.begin, raw.end - raw.begin)
        tensor = b"".join(bytes(content[f.tag : f.end]) for f in kept)
        yield _head(_INITIALIZER, len(tensor)) + tensor


def _fields(content: memoryview, at: int, end: int) -> Iterator[Field]:
    while at < end:
        tag = at
        key, at = _varint(content, at, end)
        kind = key & 7
        begin = at
        if kind == _VARINT:
            _, at = _varint(content, at, end)
        elif kind == _BYTES:
            length, begin = _varint(content, at, end)
            at = begin + length
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        else:
            raise InputError(f"it is no ONNX file, or a damaged one: a field of type {kind} at byte {tag}")
        if at > end:
            raise InputError(f"it is cut off: what begins at byte {tag} ends {at - end} bytes too late")
        yield Field(key >> 3, tag, begin, at)


def _varint(content: memoryview, at: int, end: int) -> tuple[int, int]:
    """The number at a place, and the place behind it."""
    value = shift = 0
    while at < end and shift < 64:
        byte = content[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
    raise InputError(f"it is no ONNX file, or a damaged one: no number ends before byte {at}")


def _head(number: int, length: int) -> bytes:
    """The tag and length of a field of bytes."""
    out = bytearray([number << 3 | _BYTES])
    while length > 127:
        out.append(length & 127 | 128)
        length >>= 7
    out.append(length)
    return bytes(out)
