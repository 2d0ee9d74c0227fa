"""Frozen graphs: a GraphDef in a .pb, and which of its tensors are inputs and outputs."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liteport.errors import InputError, UsageError
from liteport.formats.tensorflow.function import DEFAULT, Function, from_graph
from liteport.formats.tensorflow.names import beside, read_names
from liteport.formats.tensorflow.runtime import quietly, tensorflow
from liteport.formats.tensorflow.safety import check_begin, check_graphs

Names = str | Sequence[str] | Mapping[str, str]
"""Nodes or tensors ("x", "x:0"), in order or by the name that they are to have; as text "image=x:0,mask"."""

_FED = ("Placeholder", "PlaceholderV2")
_SHOWN = 12
# Nodes without consumers that are no results.
_NO_RESULT = ("Const", "NoOp", "Assert", "Placeholder", "PlaceholderWithDefault", "PrintV2")


def open_graph(
    path: str | Path, inputs: Names | None = None, outputs: Names | None = None, trusted: bool = False
) -> dict[str, Function]:
    """The graph as one function.

    Inputs and outputs are those that are named; else those in NAME.pb.json; else the placeholders, and what is computed
    from them and not used. Raises InputError for what is no frozen graph, UsageError for names that are not there.
    """
    file = Path(path)
    graph = _Graph(file, _read(file))
    if not trusted:
        check_graphs(file, [graph.proto])
    signature, known_inputs, known_outputs = DEFAULT, graph.placeholders, graph.results
    if beside(file).is_file():
        names = read_names(beside(file))
        signature = names.signature
        known_inputs, known_outputs = (
            lambda: {name: t.tensor for name, t in names.inputs.items()},
            lambda: {name: t.tensor for name, t in names.outputs.items()},
        )
    fed = graph.tensors("--inputs", inputs) if inputs else known_inputs()
    fetched = graph.tensors("--outputs", outputs) if outputs else known_outputs()
    try:
        with quietly():
            return {signature: from_graph(graph.proto, fed, fetched)}
    except Exception as error:  # what TensorFlow raises has no common base
        raise InputError(f"{file} cannot be read from {_list(fed)} to {_list(fetched)}: {_first(error)}") from error


@dataclass(frozen=True)
class _Graph:
    file: Path
    proto: Any

    @property
    def nodes(self) -> dict[str, Any]:
        return {node.name: node for node in self.proto.node}

    def placeholders(self) -> dict[str, str]:
        """Raises UsageError where there are none."""
        found = [node.name for node in self.proto.node if node.op in _FED]
        if not found:
            raise UsageError(
                f"{self.file} has no placeholders: name its inputs with --inputs (there is {self._some()})"
            )
        return {name: f"{name}:0" for name in found}

    def results(self) -> dict[str, str]:
        """What depends on a placeholder and is used by nothing. Raises UsageError where there is no such node."""
        used = {_node(name) for node in self.proto.node for name in node.input}
        fed = self._fed()
        last = [n for n in self.proto.node if n.name not in used and n.op not in _NO_RESULT and n.name in fed]
        found = {
            name if not number else f"{name}_{number}": f"{name}:{number}"
            for name, node in ((n.name, n) for n in last)
            for number in range(_outputs(self.proto, node))
        }
        if not found:
            raise UsageError(
                f"{self.file}: no node is an evident result: name the outputs with --outputs ({self._some()})"
            )
        return found

    def tensors(self, option: str, names: Names) -> dict[str, str]:
        """The tensors by name. Raises UsageError for one that is not there."""
        return {name: self._tensor(option, tensor) for name, tensor in _pairs(names)}

    def _tensor(self, option: str, name: str) -> str:
        node, _, number = name.partition(":")
        nodes = self.nodes
        if node not in nodes or (number and not number.isdecimal()):
            close = difflib.get_close_matches(node, nodes, 3, 0.4)
            like = f"did you mean {', '.join(close)}?" if close else f"there is {self._some()}"
            raise UsageError(f"{option} {name}: {self.file} has no such node; {like}")
        count = _outputs(self.proto, nodes[node])
        if int(number or 0) >= count:
            raise UsageError(f"{option} {name}: node {node} has {count} output{'s' * (count != 1)}")
        return f"{node}:{int(number or 0)}"

    def _some(self) -> str:
        """The nodes at the ends of the graph, to choose from."""
        names = [node.name for node in self.proto.node if node.op not in ("Const", "Identity", "NoOp")]
        if len(names) > _SHOWN:
            names = [*names[: _SHOWN // 3], "...", *names[-_SHOWN + _SHOWN // 3 :]]
        return ", ".join(names) or "no node"

    def _fed(self) -> set[str]:
        """The nodes that depend on a placeholder, and these."""
        fed = {node.name for node in self.proto.node if node.op in _FED}
        users: dict[str, list[str]] = {}
        for node in self.proto.node:
            for name in node.input:
                users.setdefault(_node(name), []).append(node.name)
        waiting = list(fed)
        while waiting:
            new = [user for user in users.get(waiting.pop(), []) if user not in fed]
            fed.update(new)
            waiting.extend(new)
        return fed


def _read(path: Path) -> Any:
    if not path.is_file() or not path.stat().st_size:
        raise InputError(f"{path}: there is no such file, or nothing in it")
    check_begin(path)
    graph = tensorflow().compat.v1.GraphDef()
    try:
        if path.suffix == ".pbtxt":
            from google.protobuf import text_format

            text_format.Parse(path.read_text(), graph)
        else:
            graph.ParseFromString(path.read_bytes())
    except Exception as error:  # protobuf's own, which depends on its implementation
        raise InputError(f"{path} is no frozen graph, or a damaged one: {_first(error)}") from error
    if not graph.node:
        raise InputError(f"{path} is no frozen graph: it has no nodes (a SavedModel is given as its folder)")
    return graph


def _outputs(graph: Any, node: Any) -> int:
    """How many tensors a node makes."""
    tf = tensorflow()
    called = {function.signature.name: function.signature for function in graph.library.function}
    definition = called.get(node.op)
    if definition is None:
        from tensorflow.python.framework import op_def_registry

        definition = op_def_registry.get(node.op)
    if definition is None:
        raise InputError(f"node {node.name} is a {node.op}, which TensorFlow {tf.__version__} does not know")
    return sum(_count(node, arg) for arg in definition.output_arg)


def _count(node: Any, arg: Any) -> int:
    if arg.number_attr:
        return int(node.attr[arg.number_attr].i)
    return len(node.attr[arg.type_list_attr].list.type) if arg.type_list_attr else 1


def _pairs(names: Names) -> Iterable[tuple[str, str]]:
    if isinstance(names, Mapping):
        return names.items()
    parts = names.split(",") if isinstance(names, str) else names
    split = [part.strip().partition("=") for part in parts]
    return [(new, tensor) if equals else (_short(new), new) for new, equals, tensor in split]


def _short(tensor: str) -> str:
    """x for x:0, x_1 for x:1."""
    node, _, number = tensor.partition(":")
    return node if number in ("", "0") else f"{node}_{number}"


def _node(name: str) -> str:
    """The node that an input names: "a:1" and "^a" are a's."""
    return name.lstrip("^").partition(":")[0]


def _list(names: Mapping[str, str]) -> str:
    return ", ".join(names.values())


def _first(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
