"""Writes a Module as a .tflite file.

The metadata is packed alone, with empty vectors in the place of the constants; these follow behind
it, each aligned to 16 bytes, and the Buffer tables are patched to reach them. Nothing of the size
of the weights is ever built in memory. A file past 2 GiB, which a flatbuffer cannot be, has its
constants behind the flatbuffer (`Buffer.offset` and `size`, counted from the start of the file).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from liteport.backends.tflite.buffers import BufferPool, chunks
from liteport.errors import InvalidGraphError
from liteport.formats.tflite import codec, table
from liteport.ir import dimensions
from liteport.ir.graph import Graph, Module, Op, Value
from liteport.ir.ops import Opaque
from liteport.ir.sizes import Size, example, is_fixed
from liteport.ir.types import Array, Quantization, Shape

INLINE_LIMIT = 2**31 - 1
ALIGNMENT = 16
_DATA, _OFFSET, _SIZE = 4, 6, 8  # places of the Buffer table's fields in its vtable


def save(module: Module, path: str | Path) -> None:
    """Write `module` to `path`: the whole file appears at once, or what was there stays.

    Raises OSError where the folder cannot be written to.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{token_hex(4)}.part")
    try:
        with open(temporary, "xb") as file:
            write(module, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def to_bytes(module: Module) -> bytes:
    """The file's bytes."""
    file = BytesIO()
    write(module, file)
    return file.getvalue()


def write(module: Module, file: BinaryIO, *, inline_limit: int = INLINE_LIMIT) -> None:
    """Write `module` to `file`, from its present position on, without seeking.

    Raises InvalidGraphError for a graph that LiteRT could not load. A file of more than
    `inline_limit` bytes has its constants behind the flatbuffer.
    """
    pool = BufferPool()
    builder = _Model(module, pool)
    model = builder.build()
    plan = _Plan(pool, list(range(1, len(pool.arrays))), inline=True)
    head = _pack(model, plan)
    plan.place(len(head))
    if plan.end > inline_limit:
        # LiteRT looks for a file's metadata inside the flatbuffer only.
        outside = [n for n in range(1, len(pool.arrays)) if n not in builder.metadata]
        plan = _Plan(pool, outside, inline=False)
        head = _pack(model, plan)
        plan.place(len(head))
    _patch(head, plan)
    _stream(file, head, plan)


class _Plan:
    """Which buffers are streamed behind the metadata, as vectors of the flatbuffer or not, and where they begin."""

    def __init__(self, pool: BufferPool, numbers: Sequence[int], inline: bool) -> None:
        self.pool = pool
        self.inline = inline
        self.positions = dict.fromkeys(numbers, 0)
        self.end = 0

    def place(self, end: int) -> None:
        """Lay the buffers out from byte `end` on; a vector's length stands in the 4 bytes before its bytes."""
        for number in self.positions:
            start = -(-(end + 4 * self.inline) // ALIGNMENT) * ALIGNMENT
            self.positions[number] = start
            end = start + self.pool.arrays[number].nbytes
        self.end = end


def _pack(model: Any, plan: _Plan) -> bytearray:
    """The metadata as a flatbuffer, with place holders where the streamed constants are reached."""
    empty: list[int] = []

    def buffer(number: int, array: Array) -> Any:
        if number not in plan.positions:
            return schema.BufferT(data=np.frombuffer(b"".join(chunks(array)), np.uint8) if number else None)
        return schema.BufferT(data=empty) if plan.inline else schema.BufferT(offset=1, size=1)

    model.buffers = [buffer(number, array) for number, array in enumerate(plan.pool.arrays)]
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    packed: bytearray = builder.Output()
    return packed


def _patch(head: bytearray, plan: _Plan) -> None:
    """Point the Buffer tables at their bytes: by a vector's place relative to the field, or by place and size."""
    model = schema.Model.GetRootAs(head, 0)
    for number, start in plan.positions.items():
        buffer = model.Buffers(number)._tab
        if plan.inline:
            field = buffer.Pos + buffer.Offset(_DATA)
            struct.pack_into("<I", head, field, start - 4 - field)
        else:
            struct.pack_into("<Q", head, buffer.Pos + buffer.Offset(_OFFSET), start)
            struct.pack_into("<Q", head, buffer.Pos + buffer.Offset(_SIZE), plan.pool.arrays[number].nbytes)


def _stream(file: BinaryIO, head: bytearray, plan: _Plan) -> None:
    file.write(head)
    end = len(head)
    for number, start in plan.positions.items():
        array = plan.pool.arrays[number]
        length = struct.pack("<I", array.nbytes) if plan.inline else b""
        file.write(bytes(start - end - len(length)) + length)
        for chunk in chunks(array):
            file.write(chunk)
        end = start + array.nbytes


class _Model:
    """Builds the schema's ModelT for a module; the constants go into `pool`."""

    def __init__(self, module: Module, pool: BufferPool) -> None:
        self.module = module
        self.pool = pool
        self.graphs = [g.name for g in module.graphs]
        self.codes: dict[tuple[int, str, int], int] = {}
        self.metadata: set[int] = set()  # the numbers of the metadata's buffers

    def build(self) -> Any:
        if not self.module.graphs:
            raise InvalidGraphError("a module without graphs")
        if len(set(self.graphs)) != len(self.graphs):
            raise InvalidGraphError(f"graphs of one name: {', '.join(self.graphs)}")
        subgraphs, signatures = [], []
        for number, graph in enumerate(self.module.graphs):
            subgraph, tensors = self._subgraph(graph)
            subgraphs.append(subgraph)
            if graph.signature is not None:
                signatures.append(_signature(graph, number, tensors))
        notes = {**self.module.metadata, **dimensions.note(self.module)}
        metadata = [self._metadata(name, data) for name, data in notes.items()]
        return schema.ModelT(
            version=3,
            operatorCodes=[_operator_code(*key) for key in self.codes],
            subgraphs=subgraphs,
            description=self.module.description,
            metadata=metadata or None,
            signatureDefs=signatures or None,
        )

    def _metadata(self, name: str, data: bytes) -> Any:
        number = self.pool.add(np.frombuffer(data, np.uint8))
        self.metadata.add(number)
        return schema.MetadataT(name=name, buffer=number)

    def _subgraph(self, graph: Graph) -> tuple[Any, dict[int, int]]:
        values = list(graph.values())
        tensors = {id(value): number for number, value in enumerate(values)}
        names = unique_names([value.name for value in values])
        subgraph = schema.SubGraphT(
            tensors=[self._tensor(value, name) for value, name in zip(values, names, strict=True)],
            inputs=_indices(graph.inputs, tensors),
            outputs=_indices(graph.outputs, tensors),
            operators=[self._operator(op, tensors) for op in graph.ops],
            name=graph.name,
        )
        return subgraph, tensors

    def _tensor(self, value: Value, name: str) -> Any:
        if value.data is not None:
            _check_data(value, value.data)
        extra = value.extra
        signature = extra.get("shape_signature", _signature_of(value.shape))
        return schema.TensorT(
            shape=np.array([example(d) for d in value.shape], np.int32),
            type=codec.DTYPE.encode(value.dtype, ()),
            buffer=0 if value.data is None else self.pool.add(value.data),
            name=name,
            quantization=_quantization(value.quantization),
            isVariable=value.variable,
            sparsity=extra.get("sparsity"),
            shapeSignature=None if signature is None else np.array(signature, np.int32),
            hasRank=extra.get("has_rank", True),
            variantTensors=extra.get("variant_tensors"),
        )

    def _operator(self, op: Op, tensors: dict[int, int]) -> Any:
        try:
            options, custom_code, custom_options = self._options(op)
            code = (codec.builtin_number(op.name), custom_code, self._version(op))
        except (ValueError, KeyError) as error:
            raise InvalidGraphError(f"{op!r} cannot be written: {error}") from error
        old, new = codec.union_number(options)
        return schema.OperatorT(
            opcodeIndex=self.codes.setdefault(code, len(self.codes)),
            inputs=_indices(op.inputs, tensors),
            outputs=_indices(op.outputs, tensors),
            intermediates=_indices(op.intermediates, tensors) if op.intermediates else None,
            builtinOptionsType=old,
            builtinOptions=options if old else None,
            builtinOptions2Type=new,
            builtinOptions2=options if new else None,
            customOptions=np.frombuffer(custom_options, np.uint8) if custom_options else None,
        )

    def _options(self, op: Op) -> tuple[Any, str, bytes]:
        if isinstance(op.operator, Opaque):
            return op.operator.options, op.operator.custom_code, op.operator.custom_options
        return codec.encode_options(table.BY_CLASS[type(op.operator)], op, self.graphs), "", b""

    def _version(self, op: Op) -> int:
        if isinstance(op.operator, Opaque):
            return op.version or 1
        return codec.version_of(table.BY_CLASS[type(op.operator)], op)


def _signature_of(shape: Shape) -> list[int] | None:
    """The shape with -1 for each dimension that waits for the model to run; None where there is none."""
    return None if is_fixed(shape) else [-1 if isinstance(d, Size) else d for d in shape]


def unique_names(names: Sequence[str]) -> list[str]:
    """The names, none empty and none twice: later ones of a kind get a number."""
    taken = set(names)
    seen: set[str] = set()
    numbers: dict[str, int] = {}
    result = []
    for name in names:
        new = stem = name or "tensor"
        while new in seen or (new != name and new in taken):
            numbers[stem] = numbers.get(stem, 0) + 1
            new = f"{stem}_{numbers[stem]}"
        seen.add(new)
        result.append(new)
    return result


def _operator_code(builtin: int, custom_code: str, version: int) -> Any:
    return schema.OperatorCodeT(
        # Readers from before the 128th operator look at the first field only.
        deprecatedBuiltinCode=min(builtin, schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES),
        builtinCode=builtin,
        customCode=custom_code or None,
        version=version,
    )


def _indices(values: Sequence[Value | None], tensors: dict[int, int]) -> Array:
    return np.array([-1 if v is None else tensors[id(v)] for v in values], np.int32)


def _signature(graph: Graph, number: int, tensors: dict[int, int]) -> Any:
    def tensor_maps(names: Sequence[str], values: Sequence[Value], what: str) -> list[Any]:
        given = [name for name in names if name]
        if len(names) != len(values) or len(set(given)) != len(given):
            raise InvalidGraphError(f"graph {graph.name}: {len(values)} {what} with the names {', '.join(names)}")
        return [
            schema.TensorMapT(name=name, tensorIndex=tensors[id(value)])
            for name, value in zip(names, values, strict=True)
            if name
        ]

    return schema.SignatureDefT(
        inputs=tensor_maps(graph.input_names, graph.inputs, "inputs"),
        outputs=tensor_maps(graph.output_names, graph.outputs, "outputs"),
        signatureKey=graph.signature,
        subgraphIndex=number,
    )


def _quantization(quantization: Quantization | None) -> Any:
    if quantization is None:
        return None

    def vector(numbers: Sequence[float], dtype: type[np.generic]) -> Array | None:
        return np.array(numbers, dtype) if numbers else None

    details = quantization.details
    kind = type(details).__name__[:-1] if details is not None else "NONE"
    return schema.QuantizationParametersT(
        min=vector(quantization.min, np.float32),
        max=vector(quantization.max, np.float32),
        scale=vector(quantization.scale, np.float32),
        zeroPoint=vector(quantization.zero_point, np.int64),
        quantizedDimension=quantization.axis,
        detailsType=getattr(schema.QuantizationDetails, kind),
        details=details,
    )


def _check_data(value: Value, data: Array) -> None:
    """Raises InvalidGraphError where the data cannot be that of a tensor of the value's type."""
    if value.variable:
        raise InvalidGraphError(f"{value.name}: a variable tensor with data, which LiteRT does not load")
    if value.dtype.is_raw:
        fits = data.dtype == np.uint8 and (value.dtype in codec.SIZELESS or data.nbytes == value.type.nbytes)
    else:
        fits = data.dtype.newbyteorder("=") == value.dtype.numpy and data.shape == value.shape
    if not fits and "sparsity" not in value.extra:
        raise InvalidGraphError(f"{value.name}: data {data.dtype}{list(data.shape)} in a {value.type}")
