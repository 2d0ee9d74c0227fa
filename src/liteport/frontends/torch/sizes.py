"""Sizes that torch.export leaves open, and that constants settle.

torch.export takes every size that an operator reads off its data for unknown, also where that data is a
constant of the model: x[:, torch.tensor([True, False])], or repeat_interleave by constant counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import sympy
import torch
from torch._ops import OpOverload
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException, FakeTensorMode
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind
from torch.fx import GraphModule, Node
from torch.fx.experimental.symbolic_shapes import free_unbacked_symbols
from torch.fx.node import map_arg
from torch.utils import _pytree as pytree

from liteport.errors import UnsupportedError
from liteport.frontends.torch.copying import copied
from liteport.frontends.torch.mutation import written_argument
from liteport.frontends.torch.source import source_of

aten = torch.ops.aten

_STORED = (InputKind.CONSTANT_TENSOR, InputKind.BUFFER, InputKind.PARAMETER)
_INDEX_TYPES = (torch.bool, torch.uint8, torch.int32, torch.int64)
# The lowerings of these count their results when the model runs.
_COUNTED = (
    "aten.argwhere.default",
    "aten.bincount.default",
    "aten.index.Tensor",
    "aten.masked_select.default",
    "aten.nonzero.default",
    "aten.nonzero_numpy.default",
    "aten.repeat_interleave.Tensor",
    "aten.repeat_interleave.self_Tensor",
    "aten._unique2.default",
    "aten.unique_consecutive.default",
    "aten.where.default",
    "torchvision.nms.default",
)
_SYMBOLIC = torch.SymInt | torch.SymBool | torch.SymFloat
_DECIDED_BY_SECOND = (
    aten.masked_select.default,
    aten.repeat_interleave.self_Tensor,
    aten.tensor_split.tensor_indices_or_sections,
)
_UNKNOWN = (DynamicOutputShapeException, DataDependentOutputException)


def settle(program: ExportedProgram) -> tuple[ExportedProgram, dict[sympy.Symbol, int]]:
    """`program` with every size worked out that constants settle, and what the symbols of such are.

    The program is as it was where no size is open. Raises UnsupportedError that lists the operators that make sizes or
    numbers of what depends on the inputs, and that have no lowering which does so when the model runs.
    """
    if not any(_is_open(node.meta.get("val")) for node in program.graph_module.graph.nodes):
        return program, {}
    settled = copied(program)
    settled._constants = dict(program.constants)
    _index_by_tensor(settled._graph_module)
    with torch.no_grad():
        walk = _Walk(settled)
        walk.run()
    return settled, walk.facts


class _Walk:
    """The graph once more, with real tensors where they are constant, and tensors without data elsewhere."""

    def __init__(self, program: ExportedProgram) -> None:
        self.module = program.graph_module
        self.constants = program.constants
        self.mode = FakeTensorMode(allow_non_fake_inputs=True)
        self.known: dict[Node, Any] = {}
        self.values: dict[Node, Any] = {}  # what nodes give, tensors without their data
        self.facts: dict[sympy.Symbol, int] = {}
        self.spent: list[Node] = []
        self.open: list[Node] = []
        placeholders = [n for n in self.module.graph.nodes if n.op == "placeholder"]
        for node, spec in zip(placeholders, program.graph_signature.input_specs, strict=True):
            if spec.kind in _STORED:
                store = program.state_dict if spec.target in program.state_dict else program.constants
                tensor = store[spec.target]
                # The graph may write into what is no parameter.
                self.known[node] = tensor if spec.kind is InputKind.PARAMETER else tensor.clone()

    def run(self) -> None:
        for node in list(self.module.graph.nodes):
            if node.op == "placeholder":
                self.values[node] = self.hollow(node.meta.get("val"))
            elif node.op == "get_attr":
                self.values[node] = attrgetter(str(node.target))(self.module)
            elif node.op == "call_function" and all(n in self.values for n in node.all_input_nodes):
                self.visit(node)  # what follows from an open size is open too
        if self.open:
            raise UnsupportedError(_describe(self.open))
        for node in reversed(self.spent):
            self.module.graph.erase_node(node)

    def visit(self, node: Node) -> None:
        """Works out what `node` gives; a number goes straight to the users."""
        try:
            value = self.evaluate(node)
        except _UNKNOWN:
            if str(node.target) not in _COUNTED and not _is_read(node):
                self.open.append(node)
            return
        self.values[node] = self.hollow(value)
        self.facts |= _facts(node.meta.get("val"), value)
        if _tensors(value):
            node.meta["val"] = self.values[node]
            return
        if any(isinstance(leaf, _SYMBOLIC) for leaf in pytree.tree_leaves(value)):
            return  # it depends on the inputs' sizes
        for user in list(node.users):
            _substitute(user, node, value)
        self.spent.append(node)

    def evaluate(self, node: Node) -> Any:
        call: Any = node.target
        if _is_certain(call) and all(n in self.known for n in node.all_input_nodes):
            args, kwargs = _with(self.known, node)
            self.known[node] = call(*args, **kwargs)
            return self.known[node]
        for source in node.all_input_nodes:
            if source in self.known:
                self.pin(source, node)
        args, kwargs = _with(self.values, node)
        try:
            with self.mode:
                return call(*args, **kwargs)
        except RuntimeError as error:
            if not all(n in self.known for n in _deciding(node)):
                raise DataDependentOutputException(call) from error
        # The size depends on constants only: any values will do for the rest.
        stand_ins = {n: self.known.get(n, _zeros(self.values[n])) for n in node.all_input_nodes}
        args, kwargs = _with(stand_ins, node)
        return call(*args, **kwargs)

    def pin(self, source: Node, user: Node) -> None:
        """Hands an index or mask to its user as a constant; one that the user writes into is known no longer."""
        tensor = self.known[source]
        if written_argument(user) is source:
            memory = _memory(tensor)
            self.known = {n: t for n, t in self.known.items() if _memory(t).isdisjoint(memory)}
            return
        if source.op == "placeholder" or not isinstance(tensor, torch.Tensor) or tensor.dtype not in _INDEX_TYPES:
            return
        name = f"_settled_{source.name}_{user.name}"
        self.module.register_buffer(name, tensor.clone())
        self.constants[name] = tensor.clone()
        with self.module.graph.inserting_before(user):
            constant = self.module.graph.get_attr(name)
        constant.meta["val"] = self.values[constant] = self.values[source]
        self.known[constant] = tensor
        _substitute(user, source, constant)

    def hollow(self, value: Any) -> Any:
        """`value` with its tensors as tensors without data."""
        with self.mode:
            return pytree.tree_map(lambda v: torch.empty_like(v) if isinstance(v, torch.Tensor) else v, value)


def _index_by_tensor(module: GraphModule) -> None:
    """select(x, dim, item(i))   =>   index(x, [None, .., i]): the index may stay a tensor."""
    for node in list(module.graph.nodes):
        index = node.args[2] if node.target is aten.select.int else None
        if not isinstance(index, Node) or index.target not in (aten.item.default, aten._local_scalar_dense.default):
            continue
        x, dim = node.args[0], node.args[1]
        node.target = aten.index.Tensor
        node.args = (x, [None] * (dim % x.meta["val"].dim()) + [index.args[0]])
        if not index.users:
            module.graph.erase_node(index)


def _is_open(value: Any) -> bool:
    """Whether a node gives a number or a size that torch.export reads off data."""
    return any(free_unbacked_symbols(v) for v in pytree.tree_leaves(value) if isinstance(v, torch.Tensor | _SYMBOLIC))


def _is_read(node: Node) -> bool:
    """Whether the node makes a Python number of a computed one: a symbol, or a float."""
    kinds = torch.SymInt | torch.SymFloat
    return node.target in (aten.item.default, aten._local_scalar_dense.default) and isinstance(node.meta["val"], kinds)


def _facts(stated: Any, found: Any) -> dict[sympy.Symbol, int]:
    """The symbols in what torch.export states of a node, and what they turned out to be."""
    pairs = zip(_numbers(stated), _numbers(found), strict=True)
    return {
        a.node.expr: b
        for a, b in pairs
        if isinstance(a, torch.SymInt) and a.node.expr.is_Symbol and not isinstance(b, _SYMBOLIC)
    }


def _numbers(value: Any) -> Iterator[Any]:
    """The sizes of the tensors in `value`, and the numbers in it."""
    for leaf in pytree.tree_leaves(value):
        yield from leaf.shape if isinstance(leaf, torch.Tensor) else [leaf]


def _is_certain(target: Any) -> bool:
    """Whether constants go in and a constant comes out."""
    if not isinstance(target, OpOverload):
        return not isinstance(target, torch._ops.HigherOrderOperator)
    return torch.Tag.nondeterministic_seeded not in target.tags


def _tensors(value: Any) -> list[torch.Tensor]:
    return [v for v in pytree.tree_leaves(value) if isinstance(v, torch.Tensor)]


def _memory(value: Any) -> set[int]:
    return {t.untyped_storage().data_ptr() for t in _tensors(value)}


def _substitute(user: Node, old: Node, new: Any) -> None:
    """Gives `user` the value or node `new` wherever it had `old`."""
    user.args, user.kwargs = map_arg((user.args, user.kwargs), lambda n: new if n is old else n)


def _deciding(node: Node) -> Sequence[Node]:
    """The inputs on whose values the size of the result depends."""
    if node.target is aten.index.Tensor:
        indices = [i for i in node.args[1] if isinstance(i, Node)]
        return [i for i in indices if i.meta["val"].dtype in (torch.bool, torch.uint8)]
    if node.target in _DECIDED_BY_SECOND:
        return [node.args[1]]
    return node.all_input_nodes


def _with(values: dict[Node, Any], node: Node) -> tuple[Any, Any]:
    """The node's arguments, with values in the place of nodes."""
    return map_arg((node.args, node.kwargs), values.__getitem__)


def _zeros(value: Any) -> Any:
    return torch.zeros(value.shape, dtype=value.dtype) if isinstance(value, torch.Tensor) else value


def _describe(nodes: Sequence[Node]) -> str:
    one = len(nodes) == 1
    return "\n".join(
        [
            f"{len(nodes)} operator{' makes' if one else 's make'} sizes or Python numbers of computed values:",
            *(f"  {node.target}  at {source_of(node)}" for node in nodes),
            "Use forms that keep the size (torch.where, masked_fill, topk) and tensors in the place of .item(), "
            "or convert the part of the network before.",
        ]
    )
