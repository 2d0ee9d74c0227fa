"""What a user asks of the inputs and outputs, and what that comes to for each signature."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypedDict, Unpack

from liteport.errors import UsageError
from liteport.ir.border import Border, Pixels, Port
from liteport.ir.graph import Graph, Value
from liteport.ir.types import DType, TensorType

Names = Mapping[str, str] | Sequence[str]

EVERY = ""
"""In the place of an input's name: every input that the type suits."""

_INT8 = "int8"
_TYPES = {"uint8": DType.UINT8, "float16": DType.FLOAT16, "int32": DType.INT32}


@dataclass(frozen=True)
class Choices:
    """The options of the border; names may be the source's or the new ones.

    input_names, output_names: new names, in order or by the old ones. channels_last: True for everything of rank 4 and
    5, or names. input_dtypes: types by input, or for EVERY one that suits: uint8 for images, float16 for floats, int32
    for int64. pixels: how an image in uint8 becomes the network's own input. indices: what becomes of int64.
    int8_inputs, int8_outputs: names, or EVERY one of floats: those that quantisation makes int8.
    """

    input_names: Names = ()
    output_names: Names = ()
    channels_last: bool | Sequence[str] = False
    input_dtypes: Mapping[str, DType] = field(default_factory=dict)
    pixels: Pixels | None = None
    indices: DType = DType.INT64
    int8_inputs: tuple[str, ...] = ()
    int8_outputs: tuple[str, ...] = ()

    @property
    def has_int8(self) -> bool:
        return bool(self.int8_inputs or self.int8_outputs)


class BorderOptions(TypedDict, total=False):
    """What the inputs and outputs of the file look like, where that is not as in the source.

    input_names, output_names: other names than the forward's arguments and the keys of its result: one for each, in
        order, or {old: new}.
    channels_last: True stores every input and output of 4 or 5 dimensions as [N, ..., C]; a name or names, only those.
    input_dtype: "uint8" takes images as bytes, "float16" floats in half precision, "int32" integers that are int64 in
        the source, "int8" the numbers of quantize="int8" themselves; for all inputs that it suits, or {name: type}.
    output_dtype: "int8" gives those numbers; for all outputs of floats, or {name: type}.
    mean, std, scale: what the network takes of a byte p in an image is (p * scale - mean) / std, for all channels or
        for each: 0, 1 and 1/255 unless given, as torchvision's ToTensor and Normalize have it.
    indices: "int32" makes every input and output int32 that is int64 in the source.
    """

    input_names: Names | None
    output_names: Names | None
    channels_last: bool | str | Sequence[str]
    input_dtype: str | Mapping[str, str] | None
    output_dtype: str | Mapping[str, str] | None
    mean: float | Sequence[float] | None
    std: float | Sequence[float] | None
    scale: float | None
    indices: str


def choices(**options: Unpack[BorderOptions]) -> Choices | None:
    """The options as api.convert() takes them; None where nothing is asked.

    Raises UsageError for unknown types, TypeError, as Python would, for an option that there is not.
    """
    if unknown := options.keys() - BorderOptions.__annotations__.keys():
        raise TypeError(f"there is no option {min(unknown)!r}")
    channels_last, input_dtype = options.get("channels_last", False), options.get("input_dtype")
    mean, std, scale = options.get("mean"), options.get("std"), options.get("scale")
    indices = options.get("indices", "int64")
    types, int8_inputs = _apart(input_dtype)
    others, int8_outputs = _apart(options.get("output_dtype"))
    strange = next((name for name in types.values() if name not in _TYPES), None)
    if strange is not None:
        raise UsageError(f"--input-dtype {strange}: it is one of {', '.join((*_TYPES, _INT8))}")
    if others:
        raise UsageError(f"--output-dtype {next(iter(others.values()))}: it is {_INT8}, or left out")
    if indices not in ("int64", "int32"):
        raise UsageError(f"--indices {indices}: it is int64 or int32")
    given = any(part is not None for part in (mean, std, scale))
    asked = Choices(
        options.get("input_names") or (),
        options.get("output_names") or (),
        (channels_last,) if isinstance(channels_last, str) else channels_last,
        {name: _TYPES[each] for name, each in types.items()},
        Pixels(_numbers(mean, 0.0), _numbers(std, 1.0), 1 / 255 if scale is None else scale) if given else None,
        DType[indices.upper()],
        int8_inputs,
        int8_outputs,
    )
    return asked if asked != Choices() else None


def _apart(given: str | Mapping[str, str] | None) -> tuple[dict[str, str], tuple[str, ...]]:
    """The types by name, and the names of those that are int8."""
    types = {EVERY: given} if isinstance(given, str) else dict(given or {})
    return {n: t for n, t in types.items() if t != _INT8}, tuple(n for n, t in types.items() if t == _INT8)


def _numbers(given: float | Sequence[float] | None, default: float) -> tuple[float, ...]:
    if given is None:
        return (default,)
    return tuple(map(float, given)) if isinstance(given, Sequence) else (float(given),)


def borders(graphs: Iterable[Graph], choices: Choices) -> dict[str, Border]:
    """The border of each signature. Raises UsageError for a choice that fits nothing there."""
    signed = {str(graph.signature): graph for graph in graphs if graph.signature is not None}
    found = {name: _border(graph, choices, alone=len(signed) == 1) for name, graph in signed.items()}
    inputs = [port for border in found.values() for port in border.inputs]
    outputs = [port for border in found.values() for port in border.outputs]
    _known("--input-names", choices.input_names, inputs)
    _known("--output-names", choices.output_names, outputs)
    _known("--input-dtype", [name for name in choices.input_dtypes if name != EVERY], inputs)
    _known("--input-dtype", [name for name in choices.int8_inputs if name != EVERY], inputs)
    _known("--output-dtype", [name for name in choices.int8_outputs if name != EVERY], outputs)
    _known("--channels-last", choices.channels_last or (), inputs + outputs)
    if choices.pixels is not None and not any(port.pixels for port in inputs):
        raise UsageError("--mean, --std and --scale are for images in uint8: add --input-dtype uint8")
    return found


def _border(graph: Graph, choices: Choices, alone: bool) -> Border:
    inputs = _renamed("--input-names", graph.input_names, choices.input_names, alone)
    outputs = _renamed("--output-names", graph.output_names, choices.output_names, alone)
    ins = zip(graph.input_names, graph.inputs, inputs, strict=True)
    outs = zip(graph.output_names, graph.outputs, outputs, strict=True)
    return Border(tuple(_input(*each, choices) for each in ins), tuple(_port(*each, choices) for each in outs))


def _renamed(option: str, old: Sequence[str], names: Names, alone: bool) -> list[str]:
    if isinstance(names, Mapping):
        new = [names.get(name, name) for name in old]
    elif names and not alone:
        raise UsageError(f"{option}: there are several signatures: give each name as old=new")
    elif names and len(names) != len(old):
        raise UsageError(f"{option}: {len(names)} for {len(old)} ({', '.join(old)}): give one for each, or old=new")
    else:
        new = list(names or old)
    twice = next((name for name in new if new.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"{option}: two of them would be called {twice}")
    return new


def _port(source: str, value: Value, name: str, choices: Choices) -> Port:
    asked = choices.channels_last
    last = value.rank in (4, 5) if isinstance(asked, bool) else source in asked or name in asked
    if not isinstance(asked, bool) and last and value.rank < 3:
        raise UsageError(f"--channels-last {name}: {value.type} has no channels to move")
    dtype = choices.indices if value.dtype is DType.INT64 else value.dtype
    return Port(source, value.type, name, dtype, last and asked is not False)


def _input(source: str, value: Value, name: str, choices: Choices) -> Port:
    port = _port(source, value, name, choices)
    dtypes = choices.input_dtypes
    named = next((dtypes[each] for each in (name, source) if each in dtypes), None)
    wanted = named or dtypes.get(EVERY, port.dtype)
    if wanted is port.dtype or (named is None and not _suits(wanted, port.type)):
        return port
    if not _suits(wanted, port.type):
        raise UsageError(
            f"--input-dtype {name}={wanted.name.lower()}: the input is {port.type}; "
            "uint8 is for float images, float16 for floats, int32 for int64"
        )
    return replace(port, dtype=wanted, pixels=_pixels(port, choices) if wanted is DType.UINT8 else None)


def _suits(dtype: DType, type: TensorType) -> bool:
    """Whether an input of `type` may be given as `dtype`."""
    if dtype is DType.UINT8:
        return type.dtype.is_float and type.rank >= 3
    return dtype is (DType.FLOAT16 if type.dtype.is_float else DType.INT32 if type.dtype is DType.INT64 else None)


def _pixels(port: Port, choices: Choices) -> Pixels:
    pixels, channels = choices.pixels or Pixels(), port.type.shape[1]
    for option, numbers in (("--mean", pixels.mean), ("--std", pixels.std)):
        if len(numbers) not in (1, channels):
            raise UsageError(
                f"{option} has {len(numbers)} numbers; {port.name} has {channels} channels: give 1 or {channels}"
            )
    if 0 in pixels.std or not pixels.scale:
        raise UsageError("--std and --scale cannot be 0")
    return pixels


def _known(option: str, names: Iterable[str] | bool, ports: Sequence[Port]) -> None:
    """Raises UsageError for a name that is none of the ports'."""
    if isinstance(names, bool):
        return
    known = {each for port in ports for each in (port.source, port.name)}
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        raise UsageError(f"{option}: there is no {unknown}; there are {', '.join(port.source for port in ports)}")
