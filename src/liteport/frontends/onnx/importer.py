"""The walk from an ONNX graph into the IR, one node at a time."""

from __future__ import annotations

import inspect
from collections import ChainMap, Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onnx import FunctionProto, GraphProto, NodeProto, TensorProto

from liteport.errors import InputError, InvalidGraphError, UnsupportedError
from liteport.frontends.onnx import known
from liteport.frontends.onnx.attributes import attributes, subgraphs
from liteport.frontends.onnx.context import FEW, Hint, Listed, OnnxBuilder, Table, checked
from liteport.frontends.onnx.fault import fault
from liteport.frontends.onnx.functions import Functions
from liteport.frontends.onnx.hints import Hints
from liteport.frontends.onnx.order import in_order
from liteport.frontends.onnx.source import OnnxFile
from liteport.ir.graph import Graph, Value, constant
from liteport.ir.ops.base import NotInferred
from liteport.ir.sizes import Space, is_fixed
from liteport.ir.types import Array, Source, TensorType

Scope = ChainMap[str, Value]
"""The values that a graph sees by name: its own, and those of the graphs around it."""


def import_graph(
    file: OnnxFile,
    inputs: Mapping[str, TensorType],
    constants: Mapping[str, Array],
    name: str,
    table: Table,
    space: Space,
) -> list[Graph]:
    """The IR graph of a model for inputs of these types, with `name` as its signature, and the bodies in it.

    `constants` stand in the place of further inputs; `space` has the symbols of the inputs' sizes.

    Raises UnsupportedError that lists every operator and form without a lowering, InputError for a malformed graph.
    """
    importer = _Importer(file, inputs, name, table, space)
    importer.scope |= {name: constant(array, name) for name, array in constants.items()}
    return importer.run()


@dataclass(frozen=True)
class _Missing:
    """One reason why a graph cannot be imported, and the node where it was met."""

    what: str
    place: str


# What Python makes of numbers that do not fit (lists of another length, axes and sizes that are not there), or of a
# lowering that is wrong: see fault.py.
_MALFORMED = (ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, TypeError, ValueError)

# Bodies are walked more than once, those inside of others again each time.
_MOST_WALKS = 5_000

_AT_SOME_SIZES = (
    "; it may at some sizes: tell --dynamic what they are multiples of (x:2=height:32..640/32), "
    "or fix them with --input"
)


class _Stop(Exception):
    """What follows cannot be looked at, for want of a type."""


class _Importer:
    def __init__(self, file: OnnxFile, inputs: Mapping[str, TensorType], name: str, table: Table, space: Space) -> None:
        self.file = file
        model = file.proto
        self.inputs = inputs
        self.table = table
        self.graph = Graph(name=name, signature=name)
        self.builder = OnnxBuilder(self.graph, self.nested, space)
        self.opsets = {_domain(o.domain): o.version for o in model.opset_import}
        self.functions = Functions(model)
        self.hints = Hints(model, inputs)
        self.scope: Scope = ChainMap()
        self.in_function = False
        self.placed = False  # whether the error that ends the walk names its node: the innermost one does
        self.walks = 0
        self.seen: set[tuple[str, str, str]] = set()
        self.calls: list[tuple[str, str, str]] = []
        self.missing: dict[_Missing, None] = {}  # in order, each once: a body may be walked more than once

    def run(self) -> list[Graph]:
        graph = self.file.proto.graph
        self.find_missing(graph.node, self.opsets)
        if self.missing:
            raise UnsupportedError(_describe(self.missing))
        for name, type in self.inputs.items():
            self.scope[name] = self.builder.input(type, name)
        for info in graph.input:
            if info.name in self.scope:
                _mark(self.scope[info.name], info.type.tensor_type.elem_type)
        try:
            results = self.body(graph)
        except _Stop:
            raise UnsupportedError(_describe(self.missing)) from None
        if self.missing:
            raise UnsupportedError(_describe(self.missing))
        if any(isinstance(v, Listed) for v in results):
            raise UnsupportedError("an output that is a sequence of tensors: give each tensor an output of its own")
        named = dict(zip((o.name for o in graph.output), results, strict=True))  # one that is listed twice is one
        self.graph.outputs, self.graph.output_names = list(named.values()), list(named)
        return [self.graph, *self.builder.bodies]

    def find_missing(self, nodes: Sequence[NodeProto], opsets: Mapping[str, int]) -> None:
        """Looks the whole graph up first, so that every missing operator is reported at once."""
        for node in nodes:
            if (_domain(node.domain), node.op_type) not in self.table:
                function = self.functions.body(node, opsets)
                if function is not None:
                    self.find_missing_inside(function)
                elif not self.functions.may_have_body(node, opsets):
                    self.missing[_Missing(_operator(node), _place(node))] = None
            for graph in subgraphs(node):
                self.find_missing(graph.node, opsets)

    def find_missing_inside(self, function: FunctionProto) -> None:
        key = (function.domain, function.name, function.overload)
        if key not in self.seen:
            self.seen.add(key)
            self.find_missing(function.node, _opsets(function))

    # The walk

    def body(self, graph: GraphProto) -> list[Value]:
        """Lowers every node of a graph into the present scope; the values of its outputs."""
        for tensor in graph.initializer:
            if tensor.name not in self.scope.maps[0]:  # an input that the caller gives comes before its default
                self.scope[tensor.name] = constant(self.file.array(tensor), tensor.name)
                _mark(self.scope[tensor.name], tensor.data_type)
        self.walk(graph.node)
        return [self.find(output.name, f"output {output.name!r} of graph {graph.name!r}") for output in graph.output]

    def walk(self, nodes: Sequence[NodeProto]) -> None:
        for node in in_order(nodes, self.scope):
            results = self.lower(node)
            for name, value in zip(node.output, results, strict=False):
                if name and value is not None:
                    self.scope[name] = value

    def find(self, name: str, what: str) -> Value:
        if name not in self.scope:
            raise InputError(f"{what} is neither an input, nor an initialiser, nor the result of any node")
        return self.scope[name]

    def nested(self, builder: OnnxBuilder, graph: GraphProto, operands: Sequence[Value]) -> list[Value]:
        """What a nested graph gives for these operands, written by `builder`."""
        outer = self.builder, self.scope
        names = [i.name for i in graph.input]
        self.walks += 1
        if self.walks > _MOST_WALKS:
            raise InputError(f"graph {graph.name!r}: loops and branches stand too deep in each other")
        if len(names) != len(operands):
            raise InputError(f"graph {graph.name!r} takes {len(names)} inputs, and is handed {len(operands)}")
        self.builder, self.scope = builder, self.scope.new_child(dict(zip(names, operands, strict=True)))
        try:
            return self.body(graph)
        finally:
            self.builder, self.scope = outer

    def lower(self, node: NodeProto) -> Sequence[Value | None]:
        operands = [self.find(n, f"input {n!r} of {_place(node)}") if n else None for n in node.input]
        b = self.builder
        b.source = Source(_place(node), node.op_type)
        b.prefix = next((n for n in node.output if n), node.name)
        b.outputs, b.hint = tuple(node.output), self.hint_of(node)
        b.opset = self.opsets.get(_domain(node.domain), 0)
        try:
            given = attributes(node)
            lowering = self.table.get((_domain(node.domain), node.op_type))
            if lowering is None:
                return self.call_function(node, operands)
            computed = known.evaluate(node, operands, given, b.opset)
            if computed is not None:
                return computed
            _check_arguments(lowering, operands, given, node)
            _check_sequences(operands, node)
            result = lowering(b, *operands, **given)
        except (UnsupportedError, NotInferred) as error:
            self.missing[_Missing(f"{_operator(node)}: {error}", _place(node))] = None
            return self.stand_in(node)
        except InputError as error:
            if self.placed or type(error) is not InputError:
                raise
            self.placed = True
            raise InputError(f"{_operator(node)} {_place(node)}: {error}") from error
        except InvalidGraphError as error:
            self.placed = True
            shapes = [n for each in operands if isinstance(each, Value) for n in each.shape]
            remedy = "" if is_fixed(shapes) else _AT_SOME_SIZES
            raise InputError(f"{_operator(node)} {_place(node)} does not fit its inputs ({error}){remedy}") from error
        except _MALFORMED as error:
            self.placed = True
            raise fault(node, f"{_operator(node)} {_place(node)}", error, self.opsets) from error
        results = list(result) if isinstance(result, tuple | list) else [result]
        self.check(node, results)
        return results

    def hint_of(self, node: NodeProto) -> Hint:
        """What shape inference says of the node's results; it does not look into functions."""
        if self.in_function:
            return lambda index: None
        return lambda index: self.hints.type(node.output[index]) if index < len(node.output) else None

    def check(self, node: NodeProto, results: Sequence[Value | None]) -> None:
        """Holds a lowering to the node: no result that somebody may use is left out, or more than a tensor may be."""
        for result in results:
            if result is not None:
                checked(result.type)
        if left_out := [n for n in node.output[len(results) :] if n]:
            raise InputError(
                f"{_operator(node)} {_place(node)} gives {len(results)} results, none {', '.join(left_out)}"
            )

    def call_function(self, node: NodeProto, operands: Sequence[Value | None]) -> list[Value | None]:
        """The results of a node whose operator is a function: its body's nodes, with the operands for its inputs."""
        function = self.functions.body(node, self.opsets, operands)
        if function is None:
            raise UnsupportedError("has no standard body for these types")
        key = (function.domain, function.name, function.overload)
        if key in self.calls:
            raise InputError(f"function {function.name!r} calls itself")
        outer = self.scope, self.opsets, self.in_function
        formal = zip(function.input, operands, strict=False)
        self.scope = ChainMap({name: value for name, value in formal if value is not None})
        self.opsets, self.in_function = _opsets(function), True
        self.calls.append(key)
        try:
            self.walk(_without_left_out(function, self.scope))
            wanted = [n for n, name in zip(function.output, node.output, strict=False) if name]
            found = {n: self.find(n, f"output {n!r} of function {function.name!r}") for n in wanted}
            return [found.get(n) for n in function.output]
        finally:
            self.calls.pop()
            self.scope, self.opsets, self.in_function = outer

    def stand_in(self, node: NodeProto) -> list[Value]:
        """Values of the right types for a node that could not be lowered, so that the walk can go on to the next."""
        types = [self.hint_of(node)(index) for index in range(len(node.output))]
        if any(type is None for type in types):
            raise _Stop
        return [Value(type, name) for type, name in zip(types, node.output, strict=True) if type is not None]


def _mark(value: Value, element: int) -> None:
    """Keeps ONNX's element type where that has fewer bits than the one that liteport carries."""
    if element in (TensorProto.INT4, TensorProto.UINT4, TensorProto.INT2, TensorProto.UINT2):
        value.extra[FEW] = element


def _opsets(function: FunctionProto) -> dict[str, int]:
    return {_domain(o.domain): o.version for o in function.opset_import}


def _domain(domain: str) -> str:
    return "" if domain == "ai.onnx" else domain


def _without_left_out(function: FunctionProto, scope: Scope) -> list[NodeProto]:
    """The function's nodes, which take no notice of inputs that the caller left out."""
    absent = {name for name in function.input if name not in scope}
    nodes = []
    for node in function.node:
        if absent & set(node.input):
            changed = NodeProto()
            changed.CopyFrom(node)
            changed.input[:] = ["" if name in absent else name for name in node.input]
            nodes.append(changed)
        else:
            nodes.append(node)
    return nodes


def _check_arguments(lowering: Any, operands: Sequence[Any], given: Mapping[str, Any], node: NodeProto) -> None:
    """Raises UnsupportedError for inputs and attributes that the lowering does not know: they are never ignored."""
    try:
        inspect.signature(lowering).bind(None, *operands, **given)
    except TypeError as error:
        raise UnsupportedError(f"{error} (inputs {len(operands)}, attributes {', '.join(given) or 'none'})") from error


def _check_sequences(operands: Sequence[Value | None], node: NodeProto) -> None:
    """Raises UnsupportedError for a sequence that is handed to an operator on tensors."""
    takes = "Sequence" in node.op_type or node.op_type in ("Identity", "Loop")
    if not takes and any(isinstance(v, Listed) for v in operands):
        raise UnsupportedError("a sequence of tensors in the place of a tensor")


def _operator(node: NodeProto) -> str:
    return f"{node.domain}::{node.op_type}" if _domain(node.domain) else node.op_type


def _place(node: NodeProto) -> str:
    """The node by name, or by its first result where it has none."""
    return node.name or next((f"{_operator(node)} -> {n}" for n in node.output if n), _operator(node))


def _describe(missing: Collection[_Missing]) -> str:
    counts = Counter(m.what for m in missing)
    places: dict[str, list[str]] = defaultdict(list)
    for m in missing:
        if m.place not in places[m.what]:
            places[m.what].append(m.place)
    lines = [f"{len(counts)} operator{'s' if len(counts) > 1 else ''} cannot be converted:"]
    lines += [f"  {what}  x{count}  at {_shown(places[what])}" for what, count in counts.most_common()]
    lines.append("Export the model with supported operators, or convert the part before them.")
    return "\n".join(lines)


def _shown(places: Sequence[str]) -> str:
    return "; ".join(places[:3]) + (f"; and {len(places) - 3} more" if len(places) > 3 else "")
