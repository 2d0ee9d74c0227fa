"""A .tflite file as untrusted bytes: the schema's accessors behind checks of every size and index.

A flatbuffer's vectors may overlap, so that a small file can claim to hold any number of tables: what
is taken out is counted, and no more is taken than an honest file of this size could hold.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from liteport.errors import InputError
from liteport.formats.disguised import LONGEST, disguise
from liteport.ir.types import Array

T = TypeVar("T")

IDENTIFIER = b"TFL3"
MAX_TABLES = 1_000_000  # as many as LiteRT's own verifier lets pass
_OVERLAP = 4
_SMALLEST = 12
_LONGEST = 400


class FlatFile:
    """The bytes, mapped where they are a file, with checked access. All errors are InputErrors that name the file."""

    def __init__(self, source: str | Path | bytes) -> None:
        self.name = "the model" if isinstance(source, bytes) else str(source)
        self.bytes: Any = source if isinstance(source, bytes) else self._map(Path(source))
        if (what := disguise(self.bytes[:LONGEST])) is not None:
            raise self.error(f"is {what}")
        if len(self.bytes) < _SMALLEST or self.bytes[4:8] != IDENTIFIER:
            raise self.error("is not a .tflite file (no TFL3 identifier): give the file that a converter wrote")
        self._tables = MAX_TABLES
        self._elements = _OVERLAP * len(self.bytes) + (1 << 20)

    def error(self, why: str) -> InputError:
        # Names out of the file may hold anything: line ends, control characters, megabytes.
        shown = "".join(c if c.isprintable() else "?" for c in why)
        return InputError(f"{self.name}: {shown if len(shown) < _LONGEST else shown[:_LONGEST] + '...'}")

    def broken(self, what: str) -> InputError:
        """The error for contents that contradict themselves."""
        return self.error(f"is damaged: {what}; get the file again from where it came")

    def model(self) -> Any:
        return schema.Model.GetRootAs(self.bytes, 0)

    def tables(self, owner: Any, field: str) -> list[Any]:
        """The tables in the vector `field` of `owner`."""
        count = getattr(owner, f"{field}Length")()
        self.spend_tables(count)
        return [getattr(owner, field)(i) for i in range(count)]

    def numbers(self, owner: Any, field: str) -> tuple[Any, ...]:
        """The numbers in the vector `field`; empty where it is absent."""
        if getattr(owner, f"{field}IsNone")():
            return ()
        array = getattr(owner, f"{field}AsNumpy")()
        self.spend(len(array))
        return tuple(array.tolist())

    def text(self, owner: Any, field: str) -> str:
        """The string `field`; empty where it is absent. Bytes that are not UTF-8 appear as \\x escapes."""
        text: bytes = getattr(owner, field)() or b""
        self.spend(len(text))
        return text.decode("utf-8", errors="backslashreplace")

    def slice(self, offset: int, size: int) -> Array:
        """`size` bytes from `offset` of the file, as a view."""
        if offset + size > len(self.bytes):
            raise self.broken(f"{size} bytes at {offset} are beyond its end at {len(self.bytes)}")
        return np.frombuffer(self.bytes, np.uint8, size, offset)

    def pick(self, items: Sequence[T], index: int, what: str) -> T:
        """`items[index]`, for an index that the file gives."""
        if not 0 <= index < len(items):
            raise self.broken(f"{what} {index} of {len(items)}")
        return items[index]

    def spend_tables(self, count: int) -> None:
        self._tables -= count
        if self._tables < 0:
            raise self.broken(f"it claims to hold more than {MAX_TABLES} tables")

    def spend(self, elements: int) -> None:
        self._elements -= elements
        if self._elements < 0:
            raise self.broken("its vectors claim more elements than it has bytes")

    def _map(self, path: Path) -> Any:
        try:
            if path.exists() and not path.is_file():
                raise self.error("cannot be read: it is no regular file; name the file itself")
            with open(path, "rb") as file:
                if os.fstat(file.fileno()).st_size < _SMALLEST:
                    raise self.error("is not a .tflite file: it is too short; give the file that a converter wrote")
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise self.error(f"cannot be read ({error.strerror}): check the path") from error
