"""LiteRT's C interface, for what its Python one leaves out: the profiler, which times XNNPACK's own operators too."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from ctypes import Structure, byref, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import ai_edge_litert
import numpy as np

from liteport.errors import LiteportError
from liteport.ir.types import Array
from liteport.quiet import CHATTER, without

# LiteRtProfilerEventType
REGION, OPERATOR, DELEGATED, MARK = 1, 2, 8, 32

_CPU = 1  # kLiteRtHwAcceleratorCpu
_HOST = 1  # kLiteRtTensorBufferTypeHostMemory
_WRITE = 1  # kLiteRtTensorBufferLockModeWrite
_INT = 2  # kLiteRtAnyTypeInt
_REGISTERED = 24  # kLiteRtEnvOptionTagAutoRegisterAccelerators
_NO_FREE = ctypes.CFUNCTYPE(None, c_void_p)(lambda payload: None)


class NativeError(LiteportError):
    """LiteRT's C interface is not there, or cannot do it."""


@dataclass(frozen=True)
class Event:
    """What the profiler saw: an operator of a graph (OPERATOR), one of the delegate's (DELEGATED), a REGION around them
    such as "Invoke", or a MARK between them.

    `index` is the operator's number in its graph, or in the delegate's partition; `graph` the graph's number in the
    file. Times are in microseconds, whole ones, rounded down.
    """

    kind: int
    tag: str
    index: int
    graph: int
    elapsed: int

    @property
    def is_run(self) -> bool:
        """Whether it is a graph's run as a whole, whose events follow."""
        return self.kind == REGION and self.tag == "Invoke"

    @property
    def is_end(self) -> bool:
        """Whether it marks the end of a graph's run."""
        return self.kind == MARK and self.tag == "Invoke"


class NativeModel:
    """One signature of a .tflite file, compiled for the CPU with the profiler on. A context manager.

    `signature` is its name; a file without signatures has one, of any name. Raises NativeError.
    """

    def __init__(self, path: str | Path, signature: str, threads: int) -> None:
        self._lib = _library()
        self._kept: list[Any] = []
        self._inputs: Any = ()
        self._outputs: Any = ()
        self._signature = c_size_t()
        self._environment, self._model, self._options = c_void_p(), c_void_p(), c_void_p()
        self._compiled, self._profiler, self._entry = c_void_p(), c_void_p(), c_void_p()
        try:
            with without(CHATTER):
                self._compile(str(path), threads)
            self._enter(signature)
        except NativeError:
            self.close()
            raise

    def _compile(self, path: str, threads: int) -> None:
        only_cpu = _Option(_REGISTERED, _INT, _CPU)
        self._do("CreateEnvironment", c_int(1), byref(only_cpu), byref(self._environment))
        self._do("CreateModelFromFile", self._environment, c_char_p(path.encode()), byref(self._model))
        self._do("CreateOptions", byref(self._options))
        self._do("SetOptionsHardwareAccelerators", self._options, c_int(_CPU))
        self._option("runtime_options_string", "enable_profiling = true\n")
        self._option("xnnpack", f"num_threads = {threads}\n")
        self._do("CreateCompiledModel", self._environment, self._model, self._options, byref(self._compiled))
        self._do("CompiledModelGetProfiler", self._compiled, byref(self._profiler))

    def _enter(self, signature: str) -> None:
        """Finds the signature, by name where there are several."""
        count, key = c_size_t(), c_char_p()
        self._do("GetNumModelSignatures", self._model, byref(count))
        for number in range(count.value):
            self._signature = c_size_t(number)
            self._do("GetModelSignature", self._model, self._signature, byref(self._entry))
            self._do("GetSignatureKey", self._entry, byref(key))
            if count.value == 1 or key.value == signature.encode():
                return
        raise NativeError(f"LiteRT does not find signature {signature}")

    def _option(self, identifier: str, text: str) -> None:
        """Options go in as text, which is kept here for as long as they may be read."""
        payload, option = ctypes.create_string_buffer(text.encode()), c_void_p()
        self._kept.append(payload)
        address = ctypes.cast(payload, c_void_p)
        self._do("CreateOpaqueOptions", c_char_p(identifier.encode()), address, _NO_FREE, byref(option))
        self._do("AddOpaqueOptions", self._options, option)

    def bind(self, inputs: Mapping[str, Array], outputs: Mapping[str, Array]) -> None:
        """Gives the inputs by name, and makes room for the outputs, which look like `outputs`."""
        given = [inputs[name] for name in self._names("Input")]
        for number, array in enumerate(given):
            self._resize(number, array)
        self._inputs = self._buffers("Input", given)
        self._outputs = self._buffers("Output", [outputs[name] for name in self._names("Output")])
        for buffer, array in zip(self._inputs, given, strict=True):
            self._fill(buffer, np.ascontiguousarray(array))

    def _names(self, side: str) -> list[str]:
        count, name = c_size_t(), c_char_p()
        self._do(f"GetNumSignature{side}s", self._entry, byref(count))
        names = []
        for number in range(count.value):
            self._do(f"GetSignature{side}Name", self._entry, c_size_t(number), byref(name))
            names.append((name.value or b"").decode())
        return names

    def _type(self, side: str, number: int) -> _RankedType:
        tensor, kind = c_void_p(), _RankedType()
        self._do(f"GetSignature{side}TensorByIndex", self._entry, c_size_t(number), byref(tensor))
        self._do("GetRankedTensorType", tensor, byref(kind))
        return kind

    def _resize(self, number: int, array: Array) -> None:
        """Tells the model of an input's shape, where the file leaves sizes open."""
        if list(self._type("Input", number).dimensions[: array.ndim]) != list(array.shape):
            place = (self._compiled, self._signature, c_size_t(number))
            shape = (c_int * array.ndim)(*array.shape)
            self._do("CompiledModelResizeInputTensorNonStrict", *place, shape, c_size_t(array.ndim))

    def _buffers(self, side: str, arrays: Sequence[Array]) -> Any:
        made = [self._buffer(side, number, array) for number, array in enumerate(arrays)]
        return (c_void_p * len(made))(*made)

    def _buffer(self, side: str, number: int, array: Array) -> int | None:
        """A buffer in the host's memory, of the size that LiteRT asks for, or the array's where it does not know it."""
        kind, needs, size, buffer = self._type(side, number), c_void_p(), c_size_t(), c_void_p()
        kind.dimensions[: array.ndim] = array.shape
        place = (self._compiled, self._signature, c_size_t(number))
        self._do(f"GetCompiledModel{side}BufferRequirements", *place, byref(needs))
        self._do("GetTensorBufferRequirementsBufferSize", needs, byref(size))
        room = c_size_t(max(size.value, array.nbytes))
        self._do("CreateManagedTensorBuffer", self._environment, c_int(_HOST), byref(kind), room, byref(buffer))
        return buffer.value

    def _fill(self, buffer: int | None, array: Array) -> None:
        handle, address, size = c_void_p(buffer), c_void_p(), c_size_t()
        self._do("GetTensorBufferPackedSize", handle, byref(size))
        if size.value != array.nbytes:
            raise NativeError(f"LiteRT has room for {size.value} bytes where an input has {array.nbytes}")
        self._do("LockTensorBuffer", handle, byref(address), c_int(_WRITE))
        ctypes.memmove(address, array.ctypes.data, array.nbytes)
        self._do("UnlockTensorBuffer", handle)

    def run(self) -> None:
        """One run, on the inputs that were bound."""
        ins, outs = self._inputs, self._outputs
        counts = c_size_t(len(ins)), c_size_t(len(outs))
        self._do("RunCompiledModel", self._compiled, self._signature, counts[0], ins, counts[1], outs)

    def start(self) -> None:
        """Puts the profiler on."""
        self._do("StartProfiler", self._profiler)

    def stop(self) -> list[Event]:
        """Puts the profiler off: the events since its start, in the order in which they began."""
        self._do("StopProfiler", self._profiler)
        count = c_int()
        self._do("GetNumProfilerEvents", self._profiler, byref(count))
        events = (_Event * max(1, count.value))()
        self._do("GetProfilerEvents", self._profiler, count, events)
        return [_event(events[number]) for number in range(count.value)]

    def close(self) -> None:
        """Gives everything back. Options and the model must outlive what was compiled from them."""
        for buffer in (*self._inputs, *self._outputs):
            self._lib.LiteRtDestroyTensorBuffer(c_void_p(buffer))
        self._inputs = self._outputs = ()
        handles = {
            "CompiledModel": self._compiled,
            "Options": self._options,
            "Model": self._model,
            "Environment": self._environment,
        }
        with without(CHATTER):
            for kind, handle in handles.items():
                if handle:
                    self._lib[f"LiteRtDestroy{kind}"](handle)
                    handle.value = None

    def __enter__(self) -> NativeModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _do(self, function: str, *arguments: Any) -> None:
        status = getattr(self._lib, f"LiteRt{function}")(*arguments)
        if status:
            raise NativeError(f"LiteRT's profiler cannot run this model: {function} failed with status {status}")


class _Option(Structure):
    """LiteRtEnvOption with an integer value."""

    _fields_ = (("tag", c_int), ("type", c_int), ("value", c_int64))


class _RankedType(Structure):
    """LiteRtRankedTensorType."""

    _fields_ = (("element", c_int), ("bits", c_uint32), ("dimensions", c_int32 * 8), ("strides", c_uint32 * 8))


class _Event(Structure):
    """ProfiledEventData."""

    _fields_ = (
        ("tag", c_char_p),
        ("type", c_int),
        ("start", c_uint64),
        ("elapsed", c_uint64),
        ("memory", c_size_t * 6),
        ("metadata1", c_uint64),
        ("metadata2", c_uint64),
        ("source", c_int),
    )


def _event(found: Any) -> Event:
    return Event(found.type, found.tag.decode(), found.metadata1, found.metadata2, found.elapsed)


@cache
def _library() -> ctypes.CDLL:
    """The wheel's library of LiteRT's C interface. Raises NativeError where there is none that can be used."""
    folder = Path(ai_edge_litert.__file__).parent
    for path in sorted(folder.glob("*LiteRt.*")):
        if path.suffix in (".so", ".dylib", ".dll"):
            return _checked(path)
    raise NativeError("this ai-edge-litert comes without LiteRT's C library")


def _checked(path: Path) -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(str(path))
        _ = library.LiteRtCompiledModelGetProfiler
    except (OSError, AttributeError) as error:
        raise NativeError(f"{path.name} cannot be used: {error}") from error
    return library
