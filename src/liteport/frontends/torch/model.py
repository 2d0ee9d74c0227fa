"""A PyTorch network as liteport sees it: entry points that can be imported into the IR, and run for comparison."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, TensorArgument
from torch.utils import _pytree as pytree

from liteport.errors import InputError, UnsupportedError, UsageError
from liteport.frontends.torch.context import Table, to_numpy
from liteport.frontends.torch.dynamic import FIXED, Dynamic
from liteport.frontends.torch.export import export, quiet, written_buffers
from liteport.frontends.torch.importer import import_program, output_names
from liteport.frontends.torch.ops import LOWERINGS
from liteport.frontends.torch.ops.quantised import OBSERVERS
from liteport.frontends.torch.quantised.dynamic import steps
from liteport.frontends.torch.quantised.tensor import grid_of, is_quantised
from liteport.frontends.torch.results import numbers_as_tensors, tensors_of
from liteport.frontends.torch.source import OWNER
from liteport.frontends.torch.sources.torchscript import Scripted
from liteport.frontends.torch.symbols import Symbols
from liteport.frontends.torch.wide import has_half, wide
from liteport.ir.graph import Graph, Module
from liteport.ir.sizes import Size, at
from liteport.ir.types import Array, Shape


@dataclass
class Entry:
    """One entry point: what to call, and example inputs that fix shapes and types.

    Tensors in the example are inputs of the converted model; everything else is a constant of it. `notes` say what
    was added to the user's own arguments.
    """

    call: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    dynamic: Dynamic = FIXED

    def module(self) -> nn.Module:
        """The entry point as a module whose forward it is. Raises UsageError where it belongs to none."""
        if isinstance(self.call, nn.Module):
            return self.call
        owner = getattr(self.call, "__self__", None)
        if not isinstance(owner, nn.Module):
            raise UsageError(
                f"{self.call!r} is neither an nn.Module nor a method of one: pass the module or its method"
            )
        return _Method(owner, self.call)

    @property
    def example(self) -> list[torch.Tensor]:
        """The example's tensors, in the order of the graph's inputs; the numbers of quantised ones."""
        leaves = pytree.tree_leaves((self.args, dict(self.kwargs)))
        return [leaf.int_repr() if is_quantised(leaf) else leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]

    def run(self, tensors: Sequence[torch.Tensor]) -> Any:
        """The call's own result, with `tensors` in the place of the example's."""
        leaves, spec = pytree.tree_flatten((self.args, dict(self.kwargs)))
        fresh = iter(tensors)
        fed = [_in_place_of(leaf, next(fresh)) if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
        args, kwargs = pytree.tree_unflatten(fed, spec)
        return self.call(*args, **kwargs)


class _Method(nn.Module):
    """A module whose forward is a method of another, so that torch.export can follow it."""

    def __init__(self, owner: nn.Module, method: Callable[..., Any]) -> None:
        super().__init__()
        self.add_module(OWNER, owner)
        self.forward = method


@dataclass
class _Program:
    """An exported program as something to call; it is made runnable at the first call."""

    program: ExportedProgram

    @cached_property
    def module(self) -> nn.Module:
        return self.program.module()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)


class TorchModel:
    """Entry points of one network, by signature name; `notes` say what was done to make it ready."""

    def __init__(self, entries: Mapping[str, Entry], table: Table = LOWERINGS, notes: Sequence[str] = ()) -> None:
        self.entries = dict(entries)
        self.table = table
        self.notes = tuple(dict.fromkeys([*notes, *(note for entry in entries.values() for note in entry.notes)]))
        self.programs: dict[str, ExportedProgram] = {}
        self._half: dict[str, bool] = {}
        self._written: dict[str, list[str]] = {}
        self._symbols: dict[str, Symbols] = {}

    @classmethod
    def from_program(cls, program: ExportedProgram, name: str) -> TorchModel:
        """A model that arrived as an exported program (.pt2). Raises UsageError where it keeps no example inputs."""
        if program.example_inputs is None:
            raise UsageError("the exported program keeps no example inputs: save it again with torch.export.save")
        args, kwargs = program.example_inputs
        model = cls({name: Entry(_Program(program), tuple(args), dict(kwargs))})
        model.programs[name] = numbers_as_tensors(program)
        return model

    def export(self) -> None:
        """Runs torch.export on every entry point that is not exported yet.

        Raises InputError where the network itself fails on its example, UnsupportedError where only the export does.
        """
        for name, entry in self.entries.items():
            if name not in self.programs:
                self.programs[name] = numbers_as_tensors(self._exported(entry))

    def _exported(self, entry: Entry) -> ExportedProgram:
        module = entry.module()
        try:
            program = export(module, entry.args, entry.kwargs, entry.dynamic)
        except UnsupportedError as error:
            if failure := _without_export(entry):
                raise failure from error.__cause__
            if not isinstance(module, Scripted):
                raise
            return self._rewritten(module, entry, error)
        if isinstance(module, Scripted):
            self._note("TorchScript, which torch.export followed while it ran")
        return program

    def _rewritten(self, module: Scripted, entry: Entry, why: UnsupportedError) -> ExportedProgram:
        """TorchScript by way of PyTorch's own converter. Raises `why` where that fails too."""
        try:
            with quiet():
                twin = module.rewritten(entry.args, entry.kwargs)
            program = export(twin, entry.args, entry.kwargs, entry.dynamic)
        except Exception as error:  # whatever the converter raises
            raise why from error
        self._note("TorchScript, which PyTorch's TS2EPConverter rewrote: torch.export alone could not follow it")
        return program

    def _note(self, text: str) -> None:
        self.notes = tuple(dict.fromkeys([*self.notes, text]))

    def to_ir(self) -> Module:
        """The entry points as graphs of one module. Raises UnsupportedError for operators without a lowering."""
        self.export()
        for name in self.programs:
            self._note_state(name)
        return Module([graph for name in self.programs for graph in self._graphs(name)])

    def _buffers(self, signature: str) -> list[str]:
        """The buffers that the entry point writes into."""
        if signature not in self._written:
            self._written[signature] = written_buffers(self.programs[signature], OBSERVERS)
        return self._written[signature]

    def _note_state(self, signature: str) -> None:
        """Says which buffers the network writes into: the converted model does not."""
        if buffers := self._buffers(signature):
            self._note(
                f"the forward writes into {', '.join(buffers)}: every call of the converted model begins with what is "
                "there now. To carry it on, take it as an input and return it"
            )

    def _graphs(self, name: str) -> list[Graph]:
        return import_program(self.programs[name], name, self.table, self.symbols(name))

    def symbols(self, name: str) -> Symbols:
        """What an entry point's sizes depend on."""
        if name not in self._symbols:
            self.export()
            entry = self.entries[name]
            shapes = [tuple(t.shape) for t in entry.example]
            self._symbols[name] = Symbols(self.programs[name], shapes, entry.dynamic.names)
        return self._symbols[name]

    # The runner that comparisons use (check.Runner)

    @property
    def signatures(self) -> Mapping[str, Entry]:
        return self.entries

    def input_names(self, signature: str) -> list[str]:
        """The names of the converted model's inputs, in order."""
        self.export()
        specs = self.programs[signature].graph_signature.input_specs
        return [s.arg.name for s in specs if s.kind is InputKind.USER_INPUT and isinstance(s.arg, TensorArgument)]

    def example(self, signature: str) -> dict[str, Array]:
        """The example inputs by name, in the types that the converted model takes."""
        tensors = self.entries[signature].example
        return {n: to_numpy(t) for n, t in zip(self.input_names(signature), tensors, strict=True)}

    def shapes(self, signature: str) -> dict[str, Shape]:
        inputs = self.symbols(signature).inputs
        return {name: tuple(-1 if isinstance(d, Size) else d for d in shape) for name, shape in inputs.items()}

    def steps(self, signature: str) -> dict[str, float]:
        """How far the numbers of outputs lie apart that are quantised while the model runs (check.Stepped)."""
        self.export()
        program = self.programs[signature]
        spec = program.call_spec.out_spec
        names = output_names(pytree.tree_unflatten(list(range(spec.num_leaves)), spec)) if spec else []
        return steps(program, names)

    def trials(self, signature: str) -> list[dict[str, Shape]]:
        symbols = self.symbols(signature)
        numbers = symbols.space.trials() if symbols.space.symbols else [{}]
        return [{name: tuple(at(d, n) for d in shape) for name, shape in symbols.inputs.items()} for n in numbers]

    def run(self, inputs: Mapping[str, Array], signature: str) -> dict[str, Array]:
        """PyTorch's own outputs by name, computed in float32 where the model has half precision.

        Raises InputError where the network fails on these inputs.
        """
        entry = self.entries[signature]
        names = self.input_names(signature)
        if signature not in self._half:
            self._half[signature] = has_half(self.programs[signature])
        half = self._half[signature]
        tensors = [_like(inputs[n], t, half) for n, t in zip(names, entry.example, strict=True)]
        try:
            with wide() if half else nullcontext():
                results = self._results(signature, tensors)
        except Exception as error:  # whatever the user's own code raises
            remedy = "say what integers it takes (--input 1,128:int64:0..999), or give samples of your own (--data)"
            raise InputError(f"the network fails on {_described(tensors, error)}: {remedy}") from error
        return {name: to_numpy(tensor) for name, tensor in results.items()}

    def _results(self, signature: str, tensors: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """The tensors that the entry point returns, by name. The module's buffers are left as they are."""
        entry, buffers = self.entries[signature], self._buffers(signature)
        with quiet(), torch.no_grad(), _unwritten(entry, buffers):
            result = entry.run(tensors)
            if buffers:  # one of them may be the result
                result = pytree.tree_map_only(torch.Tensor, torch.clone, result)
        named = zip(output_names(result), tensors_of(result), strict=True)
        return {name: tensor for name, tensor in named if tensor is not None}

    def run_in_double(self, inputs: Mapping[str, Array], signature: str) -> dict[str, Array] | None:
        """PyTorch's outputs by name, all of its floating-point arithmetic in float64; None where it fails in that."""
        entry = self.entries[signature]
        names = self.input_names(signature)
        tensors = [_like(inputs[n], t, keep=True) for n, t in zip(names, entry.example, strict=True)]
        doubles = [t.double() if t.is_floating_point() else t for t in tensors]
        try:
            with wide(torch.float64):
                results = self._results(signature, doubles)
        except Exception:  # whatever the user's own code raises: it may hold to float32 by means that are not seen here
            return None
        return {name: tensor.detach().cpu().numpy() for name, tensor in results.items()}


@contextmanager
def _unwritten(entry: Entry, buffers: Sequence[str]) -> Iterator[None]:
    """Inside, the entry point may write into these buffers of its module: afterwards they are what they were."""
    if not buffers:
        yield
        return
    module = entry.call.module if isinstance(entry.call, _Program) else entry.module()
    places = [name.rpartition(".") for name in buffers]
    owners = [(module.get_submodule(path)._buffers, name) for path, _, name in places]
    kept = [(held, name, held[name], copy.deepcopy(held[name])) for held, name in owners]
    try:
        yield
    finally:
        for held, name, tensor, before in kept:
            if tensor is not None and before is not None:
                tensor.copy_(before)
            held[name] = tensor


def _without_export(entry: Entry) -> InputError | None:
    """The network's own error on its example inputs; None where it runs."""
    try:
        with quiet(), torch.no_grad():
            entry.run(entry.example)
    except Exception as error:  # whatever the user's own code raises
        return InputError(
            f"the network itself fails on {_described(entry.example, error)}: check their shapes and types"
        )
    return None


def _in_place_of(example: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
    """The numbers of a quantised tensor as one; anything else as it is."""
    return grid_of(example).quantised(given) if is_quantised(example) else given


def _described(tensors: Sequence[torch.Tensor], error: Exception) -> str:
    """The types of the inputs, and the first line of what a network said to them."""
    types = ", ".join(f"{str(t.dtype).removeprefix('torch.')}{list(t.shape)}" for t in tensors)
    return f"inputs of {types} ({type(error).__name__}: {error}".splitlines()[0].rstrip(".") + ")"


def _like(array: Array, example: torch.Tensor, keep: bool) -> torch.Tensor:
    """The array as a tensor of the example's own type, or of its own where that is to be kept."""
    tensor = torch.from_numpy(array.copy())
    return tensor if keep else tensor.to(example.dtype)
