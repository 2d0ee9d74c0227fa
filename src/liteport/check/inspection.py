"""What is in a .tflite file: signatures, operators, and what its bytes are spent on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from liteport.ir import ops
from liteport.ir.dimensions import Dimensions, noted
from liteport.ir.graph import Graph, Module, Op, Value
from liteport.ir.sizes import example, is_fixed
from liteport.ir.types import Array

# Zero bytes between two buffers count as padding up to here; longer runs are something else.
_MAX_PADDING = 256


@dataclass(frozen=True)
class Tensor:
    """An input or output: its name in the signature, its type, and its shape, with names (or -1) for dynamic sizes."""

    name: str
    dtype: str
    shape: Dimensions

    def __str__(self) -> str:
        return f"{self.name} {self.dtype}[{','.join(map(str, self.shape))}]"


@dataclass(frozen=True)
class SignatureInfo:
    """An entry point: its inputs and outputs in order, and how many operators of each kind it has."""

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    operators: dict[str, int]


@dataclass(frozen=True)
class Parts:
    """Bytes of the file by what they are for. `graph` is everything that is none of the others."""

    weights: int
    metadata: int
    padding: int
    graph: int


@dataclass(frozen=True)
class Inspection:
    """A file's contents. `operators` are counted over all graphs, most frequent first;
    `transposed_bytes` is what its TRANSPOSE operators write in one run of every graph.
    """

    size: int
    parts: Parts
    signatures: tuple[SignatureInfo, ...]
    operators: dict[str, int]
    transposed_bytes: int
    description: str

    @property
    def transposes(self) -> int:
        return self.operators.get("TRANSPOSE", 0)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "transposes": self.transposes}


def inspect_module(module: Module, path: str | Path) -> Inspection:
    """The contents of `module`, which stands in the file at `path`."""
    every = [op for graph in module.graphs for op in graph.ops]
    moved = [op for op in every if isinstance(op.operator, ops.Transpose)]
    return Inspection(
        size=Path(path).stat().st_size,
        parts=measure_parts(path),
        signatures=tuple(_signature(graph, module) for graph in module.signatures or module.graphs[:1]),
        operators=_counted(every),
        transposed_bytes=sum(example(op.output.type.nbytes) for op in moved),
        description=module.description,
    )


def measure_parts(path: str | Path) -> Parts:
    """What the bytes of a .tflite file, already known to be sound, are spent on."""
    content = np.memmap(path, np.uint8, "r")
    model = schema.Model.GetRootAs(content, 0)
    metadata = {model.Metadata(i).Buffer() for i in range(model.MetadataLength())}
    extents = {number: _extent(model.Buffers(number), content) for number in range(model.BuffersLength())}
    used = sorted({extent for extent in extents.values() if extent[1]})
    kept = {extents[number] for number in metadata if number in extents}
    weights = sum(size for start, size in used if (start, size) not in kept)
    notes = sum(size for _, size in kept)
    padding = sum(_padding(used, content))
    return Parts(weights, notes, padding, int(content.size) - weights - notes - padding)


def _extent(buffer: Any, content: Array) -> tuple[int, int]:
    """Where in the file a buffer's bytes are: start and length."""
    if buffer.DataIsNone():
        return (buffer.Offset(), buffer.Size()) if buffer.Offset() > 1 else (0, 0)
    data = buffer.DataAsNumpy()
    return data.__array_interface__["data"][0] - content.__array_interface__["data"][0], data.nbytes


def _padding(extents: Sequence[tuple[int, int]], content: Array) -> Iterator[int]:
    """The zero bytes between each buffer and the next one's length, which a vector begins with."""
    for (start, size), (after, _) in pairwise(extents):
        gap = content[start + size : max(start + size, after - 4)]
        if gap.size <= _MAX_PADDING and not gap.any():
            yield int(gap.size)


def _signature(graph: Graph, module: Module) -> SignatureInfo:
    named = noted(module).get(graph.signature or "", {})
    return SignatureInfo(
        graph.signature or graph.name,
        _tensors(graph.input_names, graph.inputs, named),
        _tensors(graph.output_names, graph.outputs, named),
        _counted(graph.ops),
    )


def _tensors(names: Sequence[str], values: Sequence[Value], named: Mapping[str, Dimensions]) -> tuple[Tensor, ...]:
    pairs = zip(names, values, strict=True)
    return tuple(Tensor(n, v.dtype.name.lower(), _shape(v, named.get(n))) for n, v in pairs)


def _shape(value: Value, named: Dimensions | None) -> Dimensions:
    """The shape; a size that is only known when the model runs by its name, or as -1 where it has none."""
    shape = tuple(d if is_fixed([d]) else str(d) for d in value.shape)
    signature: Dimensions = value.extra.get("shape_signature") or shape
    if named is None or len(named) != len(signature):
        return signature
    return tuple(name if d == -1 else d for d, name in zip(signature, named, strict=True))


def _counted(every: Sequence[Op]) -> dict[str, int]:
    counts = Counter(_name(op) for op in every)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _name(op: Op) -> str:
    custom = getattr(op.operator, "custom_code", "")
    return f"CUSTOM:{custom}" if custom else op.name
