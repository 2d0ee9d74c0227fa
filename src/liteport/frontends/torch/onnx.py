"""Entry points as .onnx files, which torch.onnx writes out of the same exported programs that are converted."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import OutputKind, OutputSpec, TensorArgument
from torch.utils import _pytree as pytree

from liteport.errors import UnsupportedError, UsageError
from liteport.frontends.torch.context import DTYPES
from liteport.frontends.torch.copying import copied
from liteport.frontends.torch.export import quiet
from liteport.frontends.torch.importer import output_names
from liteport.frontends.torch.model import TorchModel
from liteport.frontends.torch.symbols import program_inputs
from liteport.ir.border import Border
from liteport.ir.graph import Graph, Value
from liteport.ir.sizes import Size
from liteport.ir.types import TensorType

_UNKNOWN = re.compile(r"No ONNX function found for <OpOverload\(op='([\w.]+)', overload='(\w+)'\)>")


def require_onnx() -> None:
    """Raises UsageError where what torch.onnx needs is not installed."""
    absent = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if absent:
        raise UsageError(f"an .onnx is written with {' and '.join(absent)}, not there yet: pip install liteport[onnx]")


def faces(model: TorchModel) -> list[Graph]:
    """The inputs and outputs of every entry point, as graphs without operations."""
    model.export()
    return [_face(model, name) for name in model.programs]


def _face(model: TorchModel, name: str) -> Graph:
    program, shape = model.programs[name], model.symbols(name).shape

    def value(node: Any) -> Value:
        tensor = node.meta["val"]
        return Value(TensorType(DTYPES.get(tensor.dtype, DTYPES[torch.float32]), shape(tensor)), node.name)

    graph = Graph(name=name, signature=name)
    graph.inputs = [value(node) for node in program_inputs(program)]
    graph.input_names = [node.name for node in program_inputs(program)]
    results = program.graph_module.graph.output_node().args[0]
    user = [(spec, result) for spec, result in zip(_outputs(program), results, strict=True) if _is_users(spec)]
    names = output_names(pytree.tree_unflatten(list(range(len(user))), program.call_spec.out_spec))
    tensors = [(each, node) for each, (spec, node) in zip(names, user, strict=True) if _is_tensor(spec)]
    graph.output_names = [each for each, _ in tensors]
    graph.outputs = [value(node) for _, node in tensors]
    return graph


class OnnxFile:
    """One entry point as torch.onnx has it, under the names of `border`.

    Raises UnsupportedError where torch.onnx cannot write one of its operators.
    """

    def __init__(self, model: TorchModel, name: str, border: Border) -> None:
        self._program = _translated(_tensors_only(model.programs[name]), name)
        self._call_dimensions(model, name)
        self._call_border([port.name for port in border.inputs], [port.name for port in border.outputs])

    def save(self, path: Path) -> None:
        """Writes it to `path`, and the weights of a large one (1.5 GB) to path.onnx.data."""
        with _silent():
            self._program.save(path, external_data=None)

    def _call_dimensions(self, model: TorchModel, name: str) -> None:
        """Gives the dynamic dimensions the names that they have in a .tflite's metadata."""
        shapes = model.symbols(name).inputs.values()
        pairs = zip(self._program.model.graph.inputs, shapes, strict=True)
        sizes = [(own, size) for value, shape in pairs for own, size in zip(value.shape, shape, strict=True)]
        named = {own: str(size) for own, size in sizes if isinstance(size, Size) and size.is_symbol}
        self._program.rename_axes(named)

    def _call_border(self, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        from onnx_ir.passes.common import NameFixPass

        graph = self._program.model.graph
        for value, wanted in zip([*graph.inputs, *graph.outputs], [*inputs, *outputs], strict=True):
            value.name = wanted
        NameFixPass()(self._program.model)  # whatever else had one of these names gets another


def _translated(program: ExportedProgram, name: str) -> Any:
    with _silent(), torch.no_grad():
        try:
            return torch.onnx.export(program, dynamo=True, verbose=False)
        except Exception as error:  # whatever torch.onnx and its passes raise
            raise UnsupportedError(
                f"torch.onnx cannot write {name}: {_reason(error)}. Replace that in the model's source, or convert the "
                "model to .tflite; --debug shows PyTorch's full report."
            ) from error


@contextmanager
def _silent() -> Iterator[None]:
    """Keeps back what torch.onnx prints and logs."""
    with quiet(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        yield


def _reason(error: BaseException) -> str:
    """The operator that is not known, or the first sentence of what lies at the bottom of an error."""
    while error.__cause__ is not None:
        error = error.__cause__
    unknown = _UNKNOWN.search(str(error))
    if unknown is not None:
        return f"it has nothing for {unknown[1]}.{unknown[2]}"
    first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return first.split(". ")[0].rstrip(".")


def _tensors_only(program: ExportedProgram) -> ExportedProgram:
    """return {"a": x, "n": None}   =>   return (x,):  torch.onnx has no outputs but tensors."""
    kept = [_is_tensor(spec) or not _is_users(spec) for spec in _outputs(program)]
    if all(kept):
        return program
    own = copied(program)
    output = own._graph_module.graph.output_node()
    output.args = (tuple(result for result, keep in zip(output.args[0], kept, strict=True) if keep),)
    own._graph_signature = copy.copy(program.graph_signature)
    own._graph_signature.output_specs = [s for s, keep in zip(_outputs(program), kept, strict=True) if keep]
    users = [spec.arg for spec in _outputs(own) if _is_users(spec)]
    root, *rest = program.module_call_graph
    face = replace(root.signature, out_spec=pytree.tree_structure(tuple(users)), outputs=users)
    own._module_call_graph = [replace(root, signature=face), *rest]
    return own


def _outputs(program: ExportedProgram) -> Sequence[OutputSpec]:
    specs: Sequence[OutputSpec] = program.graph_signature.output_specs
    return specs


def _is_users(spec: OutputSpec) -> bool:
    return bool(spec.kind is OutputKind.USER_OUTPUT)


def _is_tensor(spec: OutputSpec) -> bool:
    return _is_users(spec) and isinstance(spec.arg, TensorArgument)
