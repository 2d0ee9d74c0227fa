"""A PyTorch network as liteport sees it: entry points that can be imported into the IR, and run for comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram
from torch.utils import _pytree as pytree

from liteport.errors import UsageError
from liteport.frontends.torch.context import Table
from liteport.frontends.torch.export import export, quiet
from liteport.frontends.torch.importer import import_program, output_names, to_numpy
from liteport.frontends.torch.ops import LOWERINGS
from liteport.ir.graph import Graph, Module
from liteport.ir.types import Array


@dataclass
class Entry:
    """One entry point: what to call, and example inputs that fix shapes and types."""

    call: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

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
        """The example's tensors, in the order of the graph's inputs."""
        return [leaf for leaf in pytree.tree_leaves((self.args, dict(self.kwargs))) if isinstance(leaf, torch.Tensor)]


class _Method(nn.Module):
    """A module whose forward is a method of another, so that torch.export can follow it."""

    def __init__(self, owner: nn.Module, method: Callable[..., Any]) -> None:
        super().__init__()
        self.owner = owner
        self.forward = method


class TorchModel:
    """Entry points of one network, by signature name."""

    def __init__(self, entries: Mapping[str, Entry], table: Table = LOWERINGS) -> None:
        self.entries = dict(entries)
        self.table = table
        self.programs: dict[str, ExportedProgram] = {}
        self.graphs: dict[str, Graph] = {}

    @classmethod
    def from_program(cls, program: ExportedProgram, name: str) -> TorchModel:
        """A model that arrived as an exported program (.pt2). Raises UsageError where it keeps no example inputs."""
        if program.example_inputs is None:
            raise UsageError("the .pt2 file keeps no example inputs: save it again with torch.export.save")
        args, kwargs = program.example_inputs
        model = cls({name: Entry(program.module(), tuple(args), dict(kwargs))})
        model.programs[name] = program
        return model

    def export(self) -> None:
        """Runs torch.export on every entry point that is not exported yet."""
        for name, entry in self.entries.items():
            if name not in self.programs:
                self.programs[name] = export(entry.module(), entry.args, entry.kwargs)

    def to_ir(self) -> Module:
        """The entry points as graphs of one module. Raises UnsupportedError for operators without a lowering."""
        self.export()
        self.graphs = {name: import_program(program, name, self.table) for name, program in self.programs.items()}
        return Module(list(self.graphs.values()))

    # The runner that comparisons use (check.Runner)

    def example(self, signature: str) -> dict[str, Array]:
        """The example inputs by name, in the types that the converted model takes."""
        graph = self.graphs[signature]
        return {n: to_numpy(t) for n, t in zip(graph.input_names, self.entries[signature].example, strict=True)}

    def run(self, inputs: Mapping[str, Array], signature: str) -> dict[str, Array]:
        """PyTorch's own outputs by name."""
        entry, graph = self.entries[signature], self.graphs[signature]
        values = iter([inputs[name] for name in graph.input_names])
        leaves, spec = pytree.tree_flatten((entry.args, dict(entry.kwargs)))
        fed = [_like(next(values), leaf) if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
        args, kwargs = pytree.tree_unflatten(fed, spec)
        with quiet(), torch.no_grad():
            result = entry.call(*args, **kwargs)
        tensors: Sequence[Any] = pytree.tree_leaves(result)
        names = output_names(result)
        return {n: to_numpy(t) for n, t in zip(names, tensors, strict=True) if isinstance(t, torch.Tensor)}


def _like(array: Array, example: torch.Tensor) -> torch.Tensor:
    """The array as a tensor of the example's own type."""
    return torch.from_numpy(array.copy()).to(example.dtype)
