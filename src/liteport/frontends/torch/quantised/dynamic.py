"""Layers that quantise what they take while they run (torch.ao.quantization.quantize_dynamic), by their weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.export import ExportedProgram
from torch.export.graph_signature import OutputKind
from torch.fx import Node

from liteport.frontends.torch.ops.dynamic import dynamic_linear
from liteport.frontends.torch.quantised.packed import unpacked
from liteport.frontends.torch.quantised.tensor import Grid, as_it_is, numbers

ops = torch.ops.quantized

STEP = 0.0  # of outputs that hang on such numbers: as in check.NO_STEP


def linear(x: Tensor, packed: Any) -> Tensor:
    """The linear layer on x, on the grid of 8 bits that it fills, with weights of int8."""
    found = unpacked(ops.linear_unpack, packed)
    with as_it_is():
        whole, grid = numbers(found.weight), Grid.of(found.weight)
        scales, starts = (
            torch.as_tensor(each, dtype=kind).expand(whole.shape[0]).contiguous()
            for each, kind in ((grid.scale, torch.float32), (grid.zero_point, torch.int32))
        )
    y: Tensor = dynamic_linear(x, whole, scales, starts)
    return y if found.bias is None else y + found.bias


def half_linear(x: Tensor, packed: Any) -> Tensor:
    """The linear layer with weights of halves."""
    found = unpacked(ops.linear_unpack_fp16, packed)
    return F.linear(x, found.weight.float(), found.bias)


def steps(program: ExportedProgram, names: Sequence[str]) -> dict[str, float]:
    """STEP for each output, by name, that hangs on numbers which are quantised while the model runs."""
    specs = program.graph_signature.output_specs
    made = zip(program.graph_module.graph.output_node().args[0], specs, strict=True)
    results = [result for result, spec in made if spec.kind is OutputKind.USER_OUTPUT]
    return {name: STEP for name, result in zip(names, results, strict=False) if _is_dynamic(result)}


def _is_dynamic(result: Any) -> bool:
    """Whether any node on the way to a result is a dynamic_linear."""
    seen, waiting = set(), [result]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Node) and node not in seen:
            if node.target is torch.ops.liteport.dynamic_linear.default:
                return True
            seen.add(node)
            waiting += node.all_input_nodes
    return False
