"""From a module and example inputs to an ATen graph that the importer can walk: torch.export, then only what is needed.

torch.export's own graph is neither functional nor decomposed, and both steps cost a retrace, so they
run only where the graph asks for them: once, with exactly the operators that have no lowering.
"""

from __future__ import annotations

import logging
import sysconfig
import traceback
import warnings
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from dataclasses import is_dataclass
from io import StringIO
from pathlib import PurePath
from typing import Any

import torch
import torch.fx.experimental._config as symbolic
from torch._ops import OpOverload
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind
from torch.fx import GraphModule, Node
from torch.nn.utils.rnn import PackedSequence
from torch.utils import _pytree as pytree

from liteport.errors import UnsupportedError
from liteport.frontends.torch.asserted import Asserted
from liteport.frontends.torch.context import Table
from liteport.frontends.torch.copying import copied, graph_modules
from liteport.frontends.torch.detectors import plain_detectors
from liteport.frontends.torch.dynamic import FIXED, Dynamic, enlarged
from liteport.frontends.torch.huggingface.models import plain_operators
from liteport.frontends.torch.known import known_numbers
from liteport.frontends.torch.mutation import functional_twin, leaves_in_place, written_argument
from liteport.frontends.torch.packing import plain_packing
from liteport.frontends.torch.quantised import known_quantised, on_numbers
from liteport.frontends.torch.recurrent_shapes import recurrent_shapes
from liteport.frontends.torch.storage import of_whole
from liteport.frontends.torch.symbols import is_symbolic

_UNKNOWN_RESULT = "in output, which is not a known type"
_MOST_DECOMPOSITIONS = 4  # a decomposition of a decomposition, and so on


def export(
    module: torch.nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], dynamic: Dynamic = FIXED
) -> ExportedProgram:
    """The module's ATen graph for these example inputs, and for others of `dynamic` sizes.

    Raises UnsupportedError where torch.export cannot follow the module, with PyTorch's own reason.
    """
    # Without this, whatever holds at the example's sizes by chance (that a slice is contiguous) becomes a demand on all
    # sizes, and the proofs that it takes have no end (a Swin transformer's).
    oblivious = symbolic.patch(backed_size_oblivious=dynamic.shapes is not None)
    # torch.export prints the graph that it could not finish, whether one wants it or not.
    with (
        quiet(),
        redirect_stderr(StringIO()),
        plain_operators(module),
        plain_detectors(),
        plain_packing(module),
        recurrent_shapes(),
        known_numbers(),
        known_quantised(),
        Asserted(),
        oblivious,
        torch.no_grad(),
        on_numbers(module, args, kwargs) as given,
    ):
        args, kwargs = enlarged(dynamic, distinct(given))
        try:
            return _exported(module, args, kwargs, dynamic)
        except Exception as error:
            raise UnsupportedError(_export_failed(module, error)) from error


def _exported(
    module: torch.nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], dynamic: Dynamic
) -> ExportedProgram:
    """torch.export's program; dataclasses in the module's result become known to it."""
    try:
        return torch.export.export(module, args, kwargs, dynamic_shapes=dynamic.shapes, strict=False)
    except RuntimeError as error:
        if _UNKNOWN_RESULT not in str(error):
            raise
        kinds = {type(leaf) for leaf in pytree.tree_leaves(module(*args, **kwargs))}
        unknown = [kind for kind in kinds if is_dataclass(kind)]
        if not unknown:
            raise
        for kind in unknown:
            torch.export.register_dataclass(kind)
        return _exported(module, args, kwargs, dynamic)


def distinct(example: Any) -> Any:
    """The example with a copy for every tensor that stands in it twice: torch.export would make one input of both."""
    seen: set[int] = set()

    def once(leaf: Any) -> Any:
        if not isinstance(leaf, torch.Tensor):
            return leaf
        if id(leaf) in seen:
            return leaf.clone()
        seen.add(id(leaf))
        return leaf

    return pytree.tree_map(once, example)


def normalise(program: ExportedProgram, table: Table) -> ExportedProgram:
    """`program` with its mutations made functional where they matter, and operators that `table` lacks decomposed.

    Both are PyTorch's own work, skipped where the graph needs neither, and repeated only where a
    decomposition brings in operators that need one themselves.
    """
    for _ in range(_MOST_DECOMPOSITIONS):
        decomposed = _normalise_once(program, table)
        if decomposed is program:
            break
        program = decomposed
    return program


def _normalise_once(program: ExportedProgram, table: Table) -> ExportedProgram:
    program = of_whole(program)
    graphs = list(graph_modules(program.graph_module))
    # What computes with sizes (sym_size) PyTorch has decompositions for too, which lead back to it.
    called = {n.target for m in graphs for n in m.graph.nodes if not is_symbolic(n.meta.get("val"))}
    unknown = [t for t in called if isinstance(t, OpOverload) and lookup(table, t) is None]
    default = torch.export.default_decompositions() if unknown else {}
    missing = {t: default[t] for t in unknown if t in default}
    if not missing and not any(_mutates_shared(m) or _is_batched(m) for m in graphs):
        return program
    with quiet(), torch.no_grad():
        try:
            return _with_own_constants(program).run_decompositions(missing)
        except Exception as error:  # whatever PyTorch's own passes raise
            reason = str(error).strip().splitlines() or ["no reason given"]
            raise UnsupportedError(
                f"PyTorch cannot make the exported graph functional: {type(error).__name__}: {reason[0]}. "
                "Avoid operators in the forward that write in place, or convert the part of the network without them."
            ) from error


def _with_own_constants(program: ExportedProgram) -> ExportedProgram:
    """x = constant; x.add_(y)   =>   x = clone(constant); x.add_(y):  PyTorch refuses to write into constants."""
    own = copied(program)
    root = _roots(own._graph_module)
    written = {root[node] for node in root if written_argument(node) is not None}
    placeholders = [node for node in root if node.op == "placeholder"]
    specs = zip(placeholders, program.graph_signature.input_specs, strict=True)
    constants = [node for node, spec in specs if node in written and spec.kind is InputKind.CONSTANT_TENSOR]
    for node in constants:
        with own._graph_module.graph.inserting_after(placeholders[-1]):
            clone = own._graph_module.graph.call_function(torch.ops.aten.clone.default, (node,))
        clone.meta = dict(node.meta)
        node.replace_all_uses_with(clone, delete_user_cb=lambda user, clone=clone: user is not clone)
    return own if constants else program


def lookup(table: Table, target: Any) -> Any:
    """The lowering of `target`, an in-place operator having that of its functional twin; None where there is none."""
    if target in table:
        return table[target]
    if str(target) in table:  # operators of libraries that need not be there are listed by name
        return table[str(target)]
    twin = functional_twin(target)
    return table.get(twin) if twin is not None else None


@contextmanager
def quiet() -> Iterator[None]:
    """Silences the warnings and log lines of torch.export, which are not about the user's model."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def written_buffers(program: ExportedProgram, observers: Container[Any]) -> list[str]:
    """The names of the module's buffers that its forward writes into; what `observers` write is left out."""
    signature = program.graph_signature
    root = _roots(program.graph_module)
    placeholders = [node for node in root if node.op == "placeholder"]
    specs = zip(placeholders, signature.input_specs, strict=True)
    buffers = {node: str(spec.target) for node, spec in specs if spec.kind is InputKind.BUFFER}
    writers = (node for node in root if node.target not in observers)
    written = [node for node in map(written_argument, writers) if node is not None and root[node] in buffers]
    return list(dict.fromkeys([*(buffers[root[node]] for node in written), *signature.buffers_to_mutate.values()]))


def _mutates_shared(module: GraphModule) -> bool:
    """Whether an in-place operator writes to storage that is read later under another name.

    Where it is not, the operator is a mere rebinding: later uses of the written node mean its result.
    """
    root = _roots(module)
    same: dict[Node, Node] = {}  # the node that a node is identical with (results of in-place operators)
    order = {node: i for i, node in enumerate(module.graph.nodes)}
    for node in module.graph.nodes:
        written = written_argument(node)
        same[node] = same[written] if written is not None else node
        if written is None:
            continue
        if functional_twin(node.target) is None or root[node].op in ("placeholder", "get_attr"):
            return True
        others = [n for n in same if root[n] is root[node] and same[n] is not same[node]]
        if any(order[user] > order[node] for other in others for user in other.users):
            return True
    return False


def _is_batched(module: GraphModule) -> bool:
    """Whether the graph has stretches under torch.vmap, which PyTorch leaves for later."""
    calls = (n.target for n in module.graph.nodes if n.op == "call_function")
    return any(getattr(call, "__module__", "") == "torch._functorch.predispatch" for call in calls)


def _roots(module: GraphModule) -> dict[Node, Node]:
    """For each node the one whose storage it shares, itself where it has its own."""
    root: dict[Node, Node] = {}
    for node in module.graph.nodes:
        source = _shared_input(node)
        root[node] = root[source] if source is not None else node
    return root


def _shared_input(node: Node) -> Node | None:
    """The input whose storage the node's result may share."""
    if not isinstance(node.target, OpOverload):
        # getitem of a split's results, and nested graphs, which hand their inputs through.
        return next(iter(node.all_input_nodes), None) if node.op == "call_function" else None
    return next(iter(node.all_input_nodes), None) if leaves_in_place(node.target) else None


def _export_failed(module: torch.nn.Module, error: Exception) -> str:
    remedy = "Make the forward independent of tensor values (torch.cond, torch.where), or convert the part that is"
    if isinstance(error, UnsupportedError) or _holds_quantised(error):
        remedy = "It was quantised by PyTorch: convert the network as it was before, and quantise it here (quantize=)"
    elif _is_packed(error):
        remedy = (
            "A packed sequence can be followed through recurrent layers: make it by pack_padded_sequence, of a batch"
        )
    elif _UNKNOWN_RESULT in str(error):
        remedy = "Return tensors, in tuples, lists, dicts or dataclasses"
    elif "specialized it to be a constant" in str(error):
        remedy = "Leave that dimension out of dynamic, or write what fixes it in terms of x.shape"
    return (
        f"torch.export cannot follow {type(module).__name__}.forward: {type(error).__name__}: {_reason(error)}"
        f"{_place(error)}. {remedy}; --debug shows PyTorch's full report."
    )


def _holds_quantised(error: Exception) -> bool:
    """Whether what failed is a tensor or are weights in PyTorch's own quantised forms."""
    return "classes.quantized." in str(error) or "classes.rnn." in str(error) or "quantized nyi" in str(error)


def _place(error: Exception) -> str:
    """The last line of code that no library has, as " at file.py:12 (its text)"; "" where there is none."""
    own = [f for f in traceback.extract_tb(error.__traceback__) if f.line and not _is_library(f.filename)]
    return f" at {PurePath(own[-1].filename).name}:{own[-1].lineno} ({own[-1].line})" if own else ""


def _is_library(file: str) -> bool:
    is_python = file.startswith(sysconfig.get_path("stdlib")) and "-packages" not in file
    return is_python or file.startswith((*torch.__path__, str(PurePath(__file__).parents[2]), "<"))


def _is_packed(error: Exception) -> bool:
    """Whether the code that failed was at work on a packed sequence."""
    values = (value for frame, _ in traceback.walk_tb(error.__traceback__) for value in frame.f_locals.values())
    return any(isinstance(value, PackedSequence) for value in values)


def _reason(error: Exception) -> str:
    """The first sentence of what PyTorch reports, and of each point that it lists below."""
    first, *rest = str(error).strip().splitlines() or ["no reason given"]
    if "TorchScript interpreter" in first:  # its own reason stands below the code
        first = next((line for line in rest if line.startswith("RuntimeError: ")), first).partition(": ")[2] or first
    first = first.partition(" (unhinted: ")[0]  # the same expression, as PyTorch's own developers want it
    points = [line.strip().removeprefix("- ") for line in rest if line.startswith("  - ")]
    return "; ".join(line.split(". ")[0].split("! ")[0].rstrip(".") for line in (first, *points))
