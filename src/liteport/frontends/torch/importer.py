"""The walk from torch.export's ATen graph into the IR, one node at a time."""

from __future__ import annotations

import operator
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import ConstantArgument, InputKind, OutputKind, TensorArgument
from torch.fx import GraphModule, Node
from torch.utils import _pytree as pytree

from liteport.errors import InvalidGraphError, UnsupportedError
from liteport.frontends.torch.context import DTYPES, PARTS, Table, TorchBuilder, to_numpy
from liteport.frontends.torch.export import lookup, normalise
from liteport.frontends.torch.mutation import functional_twin, written_argument
from liteport.frontends.torch.ops.complex import on_complex
from liteport.frontends.torch.sizes import settle
from liteport.frontends.torch.source import source_of
from liteport.frontends.torch.symbols import Symbols, depends_on_data, is_symbolic
from liteport.ir import ops
from liteport.ir.graph import Graph, Value, constant
from liteport.ir.sizes import Size
from liteport.ir.types import DType, TensorType
from liteport.lowering import basic
from liteport.lowering.complex import Complex, put_together, taken_apart

aten = torch.ops.aten

# Checks that PyTorch leaves in a graph: nothing to compute.
_ASSERTIONS = frozenset({"_assert_tensor_metadata", "_assert_async", "_assert_scalar", "sym_constrain_range_for_size"})


def import_program(program: ExportedProgram, name: str, table: Table, symbols: Symbols) -> list[Graph]:
    """The IR graph of an exported program, with `name` as its signature, and the bodies of the control flow in it.

    `symbols` are the program's.

    Raises UnsupportedError that lists every operator and form without a lowering.
    """
    settled, facts = settle(program)
    symbols.know(facts)
    return _Importer(normalise(settled, table), name, table, symbols).run()


@dataclass(frozen=True)
class _Missing:
    """One reason why a graph cannot be imported, and where it was met."""

    what: str
    place: str


class _Importer:
    def __init__(self, program: ExportedProgram, name: str, table: Table, symbols: Symbols) -> None:
        self.program = program
        self.symbols = symbols
        self.table = table
        self.graph = Graph(name=name, signature=name)
        self.builder = TorchBuilder(self.graph, self.inside)
        self.missing: list[_Missing] = []

    def run(self) -> list[Graph]:
        module = self.program.graph_module
        self.find_missing(module)
        env = self.bind_inputs()
        results = self.walk(module, env)
        if self.missing:
            raise UnsupportedError(_describe(self.missing))
        self.bind_outputs(results)
        return [self.graph, *self.builder.bodies]

    def find_missing(self, module: GraphModule) -> None:
        """Looks the whole graph up first, so that every missing operator is reported at once."""
        for sub in (m for m in module.modules() if isinstance(m, GraphModule)):
            for node in sub.graph.nodes:
                if node.op == "call_function" and not self.is_known(node):
                    self.missing.append(_Missing(str(node.target), str(source_of(node))))

    def is_known(self, node: Node) -> bool:
        target = node.target
        known = (
            is_symbolic(node.meta.get("val"))
            or target is operator.getitem
            or _is_region(target)
            or _is_assertion(target)
        )
        return known or lookup(self.table, target) is not None

    # Inputs and outputs

    def bind_inputs(self) -> dict[Node, Any]:
        env: dict[Node, Any] = {}
        specs = self.program.graph_signature.input_specs
        placeholders = [n for n in self.program.graph_module.graph.nodes if n.op == "placeholder"]
        for node, spec in zip(placeholders, specs, strict=True):
            if isinstance(spec.arg, ConstantArgument):
                env[node] = spec.arg.value
            elif spec.kind is InputKind.USER_INPUT:
                env[node] = self.user_input(node)
            elif spec.kind in (InputKind.TOKEN, InputKind.CUSTOM_OBJ):
                env[node] = None
            elif node.users:
                env[node] = _constant(self.stored(spec), spec.target or node.name)
        return env

    def user_input(self, node: Node) -> Value | Complex:
        value = node.meta["val"]
        if value.dtype in PARTS:
            given = self.builder.input(TensorType(DType.COMPLEX64, self.symbols.shape(value)), node.name)
            return taken_apart(self.builder, given)
        if value.dtype not in DTYPES:
            self.missing.append(_Missing(f"an input of type {value.dtype} ({node.name})", ""))
        return self.builder.input(self.type_or_any(value), node.name)

    def stored(self, spec: Any) -> torch.Tensor:
        store = self.program.state_dict if spec.target in self.program.state_dict else self.program.constants
        tensor = store.get(spec.target)
        if not isinstance(tensor, torch.Tensor):
            raise UnsupportedError(f"the exported graph takes {spec.arg.name}, which is no tensor")
        return tensor

    def bind_outputs(self, results: Sequence[Any]) -> None:
        specs = self.program.graph_signature.output_specs
        user = [(r, s.arg) for r, s in zip(results, specs, strict=True) if s.kind is OutputKind.USER_OUTPUT]
        spec = self.program.call_spec.out_spec
        names = output_names(pytree.tree_unflatten(list(range(len(user))), spec)) if spec else []
        for i, (value, stated) in enumerate(user):
            name = names[i] if i < len(names) else f"output_{i}"
            if isinstance(value, Complex):
                value = put_together(self.builder, value)
            if value is None and isinstance(stated, TensorArgument):
                what = f"{name} is a result that its operator has for training only ({stated.name}): leave it out"
                raise UnsupportedError(_describe([_Missing(what, "")]))
            if isinstance(value, Value):
                self.graph.outputs.append(value)
                self.graph.output_names.append(name)

    # The walk

    def walk(self, module: GraphModule, env: dict[Node, Any]) -> list[Any]:
        """Lowers every node of `module` in order; the values of its outputs."""
        same: dict[Node, Node] = {}
        for node in module.graph.nodes:
            if node.op == "get_attr":
                env[node] = self.attribute(module, node)
            elif node.op == "call_function":
                env[node] = self.lower(node, env)
                _rebind(node, env, same)
            elif node.op == "output":
                results: Any = node.args[0]
                return [_lookup_args(r, env) for r in ([results] if isinstance(results, Node) else results)]
        raise InvalidGraphError("the exported graph has no output node")

    def attribute(self, module: GraphModule, node: Node) -> Any:
        found: Any = operator.attrgetter(str(node.target))(module)
        return _constant(found, str(node.target)) if isinstance(found, torch.Tensor) else found

    def lower(self, node: Node, env: dict[Node, Any]) -> Any:
        target: Any = node.target
        if _is_assertion(target) or isinstance(node.meta.get("val"), torch.SymBool):
            return None
        if isinstance(size := node.meta.get("val"), torch.SymInt):
            return self.number(node, size, env)
        args, kwargs = _lookup_args(node.args, env), _lookup_args(node.kwargs, env)
        if target is operator.getitem:
            return args[0][args[1]]
        if _is_region(target):
            return self.region(args)
        lowering = lookup(self.table, target)
        if lowering is None:
            return self.stand_in(node)
        if _is_complex(node) or any(isinstance(a, Complex) for a in pytree.tree_leaves((args, kwargs))):
            lowering = on_complex(target, lowering)
        return self.call(node, lowering, args, kwargs)

    def number(self, node: Node, size: torch.SymInt, env: Mapping[Node, Any]) -> int | None:
        """What a node gives that computes with sizes, or reads them off the data."""
        try:
            number = self.symbols.number(size)
            if isinstance(number, Size) and number.is_symbol and depends_on_data(size):
                self.bind(node, number, env)
            return number
        except UnsupportedError as error:
            self.missing.append(_Missing(str(error), str(source_of(node))))
            return None

    def bind(self, node: Node, symbol: Size, env: Mapping[Node, Any]) -> None:
        """Says which number a symbol is, which tensors may not show (any more) when it is needed."""
        x = env.get(node.args[0]) if node.args and isinstance(node.args[0], Node) else None
        if not isinstance(x, Value) or all(isinstance(user.meta.get("val"), torch.SymBool) for user in node.users):
            return
        if node.target in (aten.item.default, aten._local_scalar_dense.default):
            self.builder.emit(ops.BindSize(symbol), x)
        elif node.target is aten.sym_size.int:
            number = basic.narrow(self.builder, self.builder.emit(ops.Shape(), x), 0, x.shape.index(symbol), 1)
            self.builder.emit(ops.BindSize(symbol), number)

    def region(self, args: Sequence[Any]) -> list[Any]:
        """A with-block (no_grad, autocast) around nested nodes: its body, in place."""
        at = next(i for i, a in enumerate(args) if isinstance(a, GraphModule))
        return self.inside(self.builder, args[at], args[at + 1 :])

    def inside(self, builder: TorchBuilder, module: GraphModule, operands: Sequence[Any]) -> list[Any]:
        """What a nested graph gives for these operands, written by `builder`."""
        outer, self.builder = self.builder, builder
        placeholders = [n for n in module.graph.nodes if n.op == "placeholder"]
        try:
            return self.walk(module, dict(zip(placeholders, operands, strict=True)))
        finally:
            self.builder = outer

    def call(self, node: Node, lowering: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        source = source_of(node)
        self.builder.source = source
        self.builder.prefix = f"{source.module}/{node.name}" if source.module else node.name
        try:
            types = self.builder.results = self.result_types(node)
            self.builder.operand = _first_operand(node)
            self.builder.is_complex = _is_complex(node)
            if lowering is None:
                raise UnsupportedError(f"{node.target} of complex numbers")
            result = lowering(self.builder, *args, **kwargs)
        except UnsupportedError as error:
            self.missing.append(_Missing(str(error), str(source)))
            return self.stand_in(node)
        except InvalidGraphError as error:
            raise InvalidGraphError(f"{node.target} at {source}: {error}") from error
        self.check(node, result, types)
        return result

    def check(self, node: Node, result: Any, types: Sequence[TensorType]) -> None:
        """Holds a lowering to PyTorch's own word on what the node returns."""
        values = result if isinstance(result, tuple | list) else [result]
        for value, want in zip(values, types, strict=False):
            for got in (value.re, value.im) if isinstance(value, Complex) else [value]:
                if isinstance(got, Value) and got.type != want:
                    raise InvalidGraphError(
                        f"{node.target} at {source_of(node)} gave {got.type} where PyTorch has {want}"
                    )

    def stand_in(self, node: Node) -> Any:
        """Values of the right types for a node that could not be lowered, so that the walk can go on to the next."""

        def value(leaf: Any) -> Any:
            if not isinstance(leaf, torch.Tensor):
                return leaf
            re, im = (Value(self.type_or_any(leaf), node.name) for _ in range(2))
            return Complex(re, im) if leaf.dtype in PARTS else re

        return pytree.tree_map(value, node.meta.get("val"))

    # Types

    def result_types(self, node: Node) -> tuple[TensorType, ...]:
        val = node.meta.get("val")
        tensors = val if isinstance(val, tuple | list) else [val]
        return tuple(self.type(t) for t in tensors if isinstance(t, torch.Tensor))

    def type(self, tensor: torch.Tensor) -> TensorType:
        dtype = PARTS.get(tensor.dtype) or DTYPES.get(tensor.dtype)
        if dtype is None:
            raise UnsupportedError(f"values of type {tensor.dtype} (compute in floating-point or integer types)")
        return TensorType(dtype, self.symbols.shape(tensor))

    def type_or_any(self, tensor: torch.Tensor) -> TensorType:
        return TensorType(DTYPES.get(tensor.dtype, DTYPES[torch.float32]), self.symbols.shape(tensor))


def output_names(structure: Any) -> list[str]:
    """A name for each leaf of a forward's result: its dict keys and positions, joined by underscores."""
    paths = _paths(structure)
    if paths == [()]:
        return ["output"]
    names = ["_".join(map(_key_name, path)) for path in paths]
    return [f"output_{n}" if n[:1].isdigit() else n for n in names]


def _paths(structure: Any) -> list[tuple[Any, ...]]:
    """The keys that lead to each leaf."""
    try:
        return [path for path, _ in pytree.tree_flatten_with_path(structure)[0]]
    except ValueError:  # a type in it was registered without names for its parts, as those of diffusers are
        parts = pytree.tree_leaves(structure, is_leaf=lambda part: part is not structure)
        keys = structure if isinstance(structure, Mapping) else range(len(parts))
        return [(key, *path) for key, part in zip(keys, parts, strict=True) for path in _paths(part)]


def _key_name(key: Any) -> str:
    """A pytree key as it reads in a name: a dict's key, a list's position, an object's field."""
    found = next((getattr(key, a) for a in ("key", "idx", "name") if hasattr(key, a)), key)
    return str(found)


def _constant(tensor: torch.Tensor, name: str) -> Value | Complex:
    """A constant on the tensor's own memory, where its type can stay as it is."""
    if tensor.dtype in PARTS:
        halves = torch.view_as_real(tensor.detach().resolve_conj()).unbind(-1)
        re, im = (constant(np.ascontiguousarray(to_numpy(half)), name) for half in halves)
        return Complex(re, im)
    return constant(to_numpy(tensor), name)


def _lookup_args(args: Any, env: Mapping[Node, Any]) -> Any:
    if isinstance(args, Node):
        return env[args]
    if isinstance(args, Mapping):
        return {k: _lookup_args(v, env) for k, v in args.items()}
    if isinstance(args, tuple | list):
        return [_lookup_args(a, env) for a in args]
    return args


def _first_operand(node: Node) -> torch.Tensor | None:
    value = node.args[0].meta.get("val") if node.args and isinstance(node.args[0], Node) else None
    return value if isinstance(value, torch.Tensor) else None


def _rebind(node: Node, env: dict[Node, Any], same: dict[Node, Node]) -> None:
    """After an in-place operator, every name of the tensor that it wrote means the result."""
    written = written_argument(node)
    if written is None or functional_twin(node.target) is None:
        return
    first = same.get(written, written)
    same[node] = first
    for name in [first, *(n for n, f in same.items() if f is first)]:
        env[name] = env[node]


def _is_complex(node: Node) -> bool:
    """Whether the node's result, or the first of them, holds complex numbers."""
    first = next(iter(pytree.tree_leaves(node.meta.get("val"))), None)
    return isinstance(first, torch.Tensor) and first.dtype in PARTS


def _is_region(target: Any) -> bool:
    return isinstance(target, torch._ops.HigherOrderOperator) and target.name() in (
        "wrap_with_set_grad_enabled",
        "wrap_with_autocast",
    )


def _is_assertion(target: Any) -> bool:
    return isinstance(target, torch._ops.OpOverload) and target._schema.name.split("::")[1] in _ASSERTIONS


def _describe(missing: Sequence[_Missing]) -> str:
    counts = Counter(m.what for m in missing)
    places: dict[str, list[str]] = defaultdict(list)
    for m in missing:
        if m.place and m.place not in places[m.what]:
            places[m.what].append(m.place)
    lines = [f"{len(counts)} operator{'s' if len(counts) > 1 else ''} cannot be converted:"]
    for what, count in counts.most_common():
        shown = "; ".join(places[what][:3]) + (f"; and {len(places[what]) - 3} more" if len(places[what]) > 3 else "")
        lines.append(f"  {what}  x{count}" + (f"  at {shown}" if shown else ""))
    lines.append("Replace them in the model's source by supported operators, or convert the part before them.")
    return "\n".join(lines)
