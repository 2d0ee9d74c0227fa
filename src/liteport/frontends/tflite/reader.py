"""Reads a .tflite file into a Module. Constants are views into the mapped file.

The file is untrusted: whatever is wrong with it ends as an InputError.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from liteport.formats.tflite import codec, table
from liteport.frontends.tflite.contract import fault
from liteport.frontends.tflite.flatfile import FlatFile
from liteport.ir.graph import Graph, Module, Op, Value
from liteport.ir.ops import Opaque, Operator
from liteport.ir.types import Array, Quantization, TensorType

SCHEMA_VERSION = 3
_BUILTINS = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
# What LiteRT computes from constants and shapes before the first run, into memory of its own (SetTensorToPersistentRo);
# kernels of others write to a result that has data, and end the process.
_EARLY = ("CONCATENATION", "GATHER", "MUL", "RESHAPE", "STRIDED_SLICE")
_GARBAGE = (struct.error, ValueError, IndexError, TypeError, OverflowError, RecursionError)


def read(source: str | Path | bytes) -> Module:
    """The module in the file at a path, or in its bytes.

    A subgraph that several signatures enter becomes one graph for each of them. A graph without a
    signature has the names of its tensors as the names of its inputs and outputs.
    Raises InputError for a file that cannot be read, is damaged, or is of another kind.
    """
    file = FlatFile(source)
    try:
        return _Reader(file).module()
    except _GARBAGE as error:
        raise file.broken("its tables point outside it, or hold what cannot be there") from error


class _Reader:
    def __init__(self, file: FlatFile) -> None:
        self.file = file
        self.model = model = file.model()
        if model.Version() != SCHEMA_VERSION:
            raise file.error(f"is of schema version {model.Version()}: only version {SCHEMA_VERSION} can be read")
        self.codes = [self._code(code) for code in file.tables(model, "OperatorCodes")]
        self.buffers = file.tables(model, "Buffers")
        self.subgraphs = file.tables(model, "Subgraphs")
        self.names = self._graph_names()
        self.early: set[Value] = set()

    def module(self) -> Module:
        if not self.subgraphs:
            raise self.file.broken("it has no subgraphs")
        signatures = self.file.tables(self.model, "SignatureDefs")
        entered: dict[int, Graph] = {}
        graphs = [self._graph(subgraph, name) for subgraph, name in zip(self.subgraphs, self.names, strict=True)]
        self._check_calls(graphs)
        for signature in signatures:
            index = signature.SubgraphIndex()
            graph = self.file.pick(graphs, index, "a signature's subgraph")
            if index in entered:
                graph = self._graph(self.subgraphs[index], f"{graph.name}_{len(graphs)}")
                graphs.append(graph)
            self._sign(graph, signature, self.subgraphs[index])
            entered[index] = graph
        return Module(graphs, self._metadata(), self.file.text(self.model, "Description"))

    def _check_calls(self, graphs: Sequence[Graph]) -> None:
        """That no graph calls itself, through others or at once: it would do so without end."""
        calls = {graph.name: [name for op in graph.ops for name in op.references] for graph in graphs}
        try:
            TopologicalSorter(calls).prepare()
        except CycleError as error:
            raise self.file.broken(f"subgraph {error.args[1][0]} calls itself") from error

    def _metadata(self) -> dict[str, bytes]:
        found = {}
        for entry in self.file.tables(self.model, "Metadata"):
            data = self._buffer(entry.Buffer())
            self.file.spend(data.nbytes)
            found[self.file.text(entry, "Name")] = data.tobytes()
        return found

    def _graph_names(self) -> list[str]:
        names: list[str] = []
        for number, subgraph in enumerate(self.subgraphs):
            name = self.file.text(subgraph, "Name") or ("main" if number == 0 else f"subgraph_{number}")
            names.append(name if name not in names else f"{name}_{number}")
        return names

    def _code(self, code: Any) -> tuple[str, str, int]:
        """Builtin name, custom code and version."""
        # Files from before the 128th operator have the first field only.
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        if number not in _BUILTINS:
            raise self.file.error(f"uses operator {number}, which this ai-edge-litert does not know: update it")
        return _BUILTINS[number], self.file.text(code, "CustomCode"), code.Version()

    def _graph(self, subgraph: Any, name: str) -> Graph:
        values = [self._value(tensor) for tensor in self.file.tables(subgraph, "Tensors")]
        graph = Graph(name)
        graph.inputs = self._values(subgraph, "Inputs", values)
        if len({id(value) for value in graph.inputs}) != len(graph.inputs):
            raise self.file.broken(f"subgraph {name} has an input twice")
        for operator in self.file.tables(subgraph, "Operators"):
            graph.insert(len(graph.ops), self._op(operator, values, graph))
        graph.outputs = self._values(subgraph, "Outputs", values)
        _close(graph, values)
        graph.input_names = [value.name for value in graph.inputs]
        graph.output_names = [value.name for value in graph.outputs]
        return graph

    def _values(self, owner: Any, field: str, values: Sequence[Value]) -> list[Value]:
        return [self.file.pick(values, index, "tensor") for index in self.file.numbers(owner, field)]

    def _value(self, tensor: Any) -> Value:
        name = self.file.text(tensor, "Name")
        shape = tuple(map(int, self.file.numbers(tensor, "Shape")))
        if min(shape, default=0) < 0:
            raise self.file.broken(f"tensor {name} has the shape {list(shape)}")
        if tensor.ExternalBuffer():
            raise self.file.error(f"keeps tensor {name} in another file (an external buffer): write it as one file")
        type = TensorType(codec.DTYPE.decode(tensor.Type(), ()), shape)
        value = Value(type, name, variable=bool(tensor.IsVariable()))
        value.extra = self._extra(tensor)
        value.quantization = self._quantization(tensor.Quantization(), value)
        value.data = self._data(value, self._buffer(tensor.Buffer()))
        return value

    def _extra(self, tensor: Any) -> dict[str, Any]:
        extra: dict[str, Any] = {}
        if not tensor.ShapeSignatureIsNone():
            extra["shape_signature"] = tuple(map(int, self.file.numbers(tensor, "ShapeSignature")))
            if len(extra["shape_signature"]) != tensor.ShapeLength():
                raise self.file.broken(f"tensor {self.file.text(tensor, 'Name')} has two ranks")
        if not tensor.HasRank():
            extra["has_rank"] = False
        if sparsity := tensor.Sparsity():
            self.file.spend_tables(sparsity.DimMetadataLength())
            extra["sparsity"] = schema.SparsityParametersT.InitFromObj(sparsity)
        if variants := self.file.tables(tensor, "VariantTensors"):
            extra["variant_tensors"] = [schema.VariantSubTypeT.InitFromObj(variant) for variant in variants]
        return extra

    def _quantization(self, found: Any, value: Value) -> Quantization | None:
        if found is None:
            return None
        scale, zero_point = self.file.numbers(found, "Scale"), self.file.numbers(found, "ZeroPoint")
        axis = found.QuantizedDimension()
        if len(scale) != len(zero_point) or (len(scale) > 1 and not 0 <= axis < max(1, value.rank)):
            raise self.file.broken(f"tensor {value.name} has {len(scale)} scales, {len(zero_point)} zero points")
        details = schema.QuantizationDetailsCreator(found.DetailsType(), found.Details())
        if details is not None:
            self.file.spend(_length(details))
        low, high = self.file.numbers(found, "Min"), self.file.numbers(found, "Max")
        quantization = Quantization(scale, zero_point, axis, low, high, details)
        return None if quantization == Quantization(axis=axis) else quantization

    def _buffer(self, number: int) -> Array:
        buffer = self.file.pick(self.buffers, number, "buffer")
        if not buffer.DataIsNone():
            data: Array = buffer.DataAsNumpy()
            return data
        offset, size = buffer.Offset(), buffer.Size()
        return self.file.slice(offset, size) if offset > 1 else np.zeros(0, np.uint8)

    def _data(self, value: Value, data: Array) -> Array | None:
        """The buffer's bytes as the tensor's data, or None where it has none."""
        if not data.nbytes:
            return None
        if value.variable:
            raise self.file.broken(f"tensor {value.name} is a variable, and has data")
        if value.dtype in codec.SIZELESS or "sparsity" in value.extra:
            return data
        if data.nbytes != value.type.nbytes:
            raise self.file.broken(f"tensor {value.name} ({value.type}) has {data.nbytes} bytes of data")
        return data if value.dtype.is_raw else data.view(value.dtype.numpy).reshape(value.shape)

    def _op(self, operator: Any, values: list[Value], graph: Graph) -> Op:
        name, custom_code, version = self.file.pick(self.codes, operator.OpcodeIndex(), "operator code")
        inputs = [
            None if index == -1 else self.file.pick(values, index, "tensor")
            for index in self.file.numbers(operator, "Inputs")
        ]
        early = name == "SHAPE" or (name in _EARLY and all(v is None or v.is_const or v in self.early for v in inputs))
        outputs = self._results(operator, name, values, graph, early)
        self.early.update(outputs if early else ())
        decoded = self._operator(operator, name, custom_code, inputs, outputs)
        intermediates = self._values(operator, "Intermediates", values)
        return Op(decoded, list(inputs), outputs, version=version, intermediates=intermediates)

    def _results(self, operator: Any, name: str, values: list[Value], graph: Graph, early: bool) -> list[Value]:
        """The values that an operator makes. A tensor that is written to again goes on as a new value, and so does one
        with data where LiteRT computes them `early`: some converters give such shapes a value, too."""
        results: list[Value] = []
        for index in self.file.numbers(operator, "Outputs"):
            value = self.file.pick(values, index, "tensor")
            if value in results or (value.is_const and not early):
                raise self.file.broken(f"{name} writes to {value.name}, which has data or is written to twice")
            if value.is_const or value.producer is not None or value in graph.inputs:
                value = values[index] = Value(value.type, value.name, quantization=value.quantization)
            results.append(value)
        return results

    def _operator(
        self, operator: Any, name: str, custom_code: str, inputs: Sequence[Value | None], outputs: Sequence[Value]
    ) -> Operator:
        """The operator; one that a newer converter wrote, or that has another's options, is carried along as it is."""
        options = self._options(operator)
        custom = self._custom_options(operator)
        opaque = Opaque(name, custom_code=custom_code, custom_options=custom, options=options)
        row = table.BY_NAME.get(name)
        if row is None or custom or custom_code:
            return opaque
        own = options is None or type(options).__name__ == f"{row.options}T"
        try:
            # LiteRT sees no options in those of another operator.
            decoded = codec.decode_options(row, options if own else None, outputs, self.names)
        except codec.UnknownOptionError:
            return opaque
        if why := fault(decoded, inputs, outputs):
            raise self.file.broken(why)
        return decoded if own else opaque

    def _options(self, operator: Any) -> Any:
        """The options object, or None where there is none or it has nothing in it."""
        old = schema.BuiltinOptionsCreator(operator.BuiltinOptionsType(), operator.BuiltinOptions())
        new = schema.BuiltinOptions2Creator(operator.BuiltinOptions2Type(), operator.BuiltinOptions2())
        options = old if old is not None else new
        if options is None or not vars(options):
            return None
        self.file.spend(_length(options))
        return options

    def _custom_options(self, operator: Any) -> bytes:
        if operator.LargeCustomOptionsOffset() > 1:
            data = self.file.slice(operator.LargeCustomOptionsOffset(), operator.LargeCustomOptionsSize())
        elif operator.CustomOptionsIsNone():
            return b""
        else:
            data = operator.CustomOptionsAsNumpy()
        self.file.spend(data.nbytes)
        return data.tobytes()

    def _sign(self, graph: Graph, signature: Any, subgraph: Any) -> None:
        """Name the graph's border as the signature does; what it leaves out has the name ''."""
        graph.signature = self.file.text(signature, "SignatureKey")
        for field, values, names in (
            ("Inputs", graph.inputs, graph.input_names),
            ("Outputs", graph.outputs, graph.output_names),
        ):
            indices = list(self.file.numbers(subgraph, field))
            names[:] = [""] * len(names)
            for entry in self.file.tables(signature, field):
                name, index = self.file.text(entry, "Name"), entry.TensorIndex()
                places = [place for place, at in enumerate(indices) if at == index]
                if not places:
                    raise self.file.broken(
                        f"signature {graph.signature} names tensor {index}, which is not at its border"
                    )
                _name(values, names, name, places)


def _close(graph: Graph, values: Sequence[Value]) -> None:
    """Let tensors of no elements that nothing makes be constants."""
    inputs = {id(value) for value in graph.inputs}
    for value in values:
        free = value.producer is None and value.data is None and not value.variable and id(value) not in inputs
        if free and not value.type.size and not value.dtype.is_raw:
            value.data = np.zeros(value.shape, value.dtype.numpy)


def _name(values: list[Value], names: list[str], name: str, places: Sequence[int]) -> None:
    """Name the first of a tensor's `places` that has no name; a second name for one place makes a place of its own."""
    free = next((place for place in places if not names[place]), None)
    if free is None:
        values.append(values[places[0]])
        names.append(name)
    else:
        names[free] = name


def _length(options: Any) -> int:
    """How many elements an object of the object API has in its vectors and strings."""
    return sum(len(v) for v in vars(options).values() if isinstance(v, np.ndarray | list | bytes))
