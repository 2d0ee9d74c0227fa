"""Layers that quantise what they take while they run (torch.ao.quantization.quantize_dynamic), by their weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.export import ExportedProgram
from torch.export.graph_signature import OutputKind
from torch.fx import Node

from liteport.errors import UnsupportedError
from liteport.frontends.torch.ops.dynamic import dynamic_linear, taken
from liteport.frontends.torch.packing import Cell
from liteport.frontends.torch.quantised.packed import CONVOLUTIONS, is_packed, real_weights, unpacked
from liteport.frontends.torch.quantised.tensor import Grid, as_it_is, numbers

ops = torch.ops.quantized

_DYNAMIC = (torch.ops.liteport.dynamic_linear.default, torch.ops.liteport.taken.default)

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
    return F.linear(x, *real_weights(packed, halves=True))


def convolution(name: str) -> Callable[[Tensor, Any], Tensor]:
    """The convolution of real numbers."""
    return lambda x, packed: CONVOLUTIONS[name](taken(x), packed)


def recurrent(layer: Callable[..., tuple[Tensor, ...]], given: Mapping[str, Any]) -> tuple[Tensor, ...]:
    """quantized_lstm.input(Tensor input, Tensor[] hx, CellParamsBase[] params, bool has_biases, int num_layers,
    float dropout, bool train, bool bidirectional, bool batch_first, *, ..) -> (Tensor, Tensor, Tensor); quantized_gru

    Computed on the real numbers that the weights stand for. Raises UnsupportedError for packed sequences.
    """
    if "input" not in given or not all(map(is_packed, given["params"])):
        raise UnsupportedError("a dynamically quantised recurrent layer on a packed sequence: give it padded ones")
    with as_it_is():
        kinds, parts = zip(*((kind, packed) for kind, *_, packed in _states(given["params"])), strict=True)
    halves = "quantized_fp16" in kinds
    flat = [tensor for packed in parts for tensor in _weights(packed, halves)]
    names = ("num_layers", "dropout", "train", "bidirectional", "batch_first")
    x = given["input"] if halves else taken(given["input"])
    return layer(x, given["hx"], flat, True, *(given[name] for name in names))


def _states(params: Sequence[Any]) -> list[Any]:
    """What PyTorch would save of the packed parameters: a name of their kind first, those of linear layers last."""
    return [each.__getstate__()[0] for each in params]


def _weights(packed: Sequence[Any], halves: bool) -> list[Tensor]:
    """w_ih, w_hh, b_ih, b_hh of one direction of one layer."""
    (w_ih, b_ih), (w_hh, b_hh) = (real_weights(each, halves) for each in packed)
    return [w_ih, w_hh, *(torch.zeros(len(w_ih)) if bias is None else bias for bias in (b_ih, b_hh))]


def cell(step: Cell, given: Mapping[str, Any]) -> Any:
    """quantized_lstm_cell_dynamic(Tensor input, Tensor[] hx, LinearPackedParamsBase w_ih, LinearPackedParamsBase w_hh,
    Tensor bias_ih, Tensor bias_hh) -> (Tensor, Tensor); those of GRU and RNN, with one state
    """
    state = (given["hx"],) if isinstance(given["hx"], Tensor) else tuple(given["hx"])
    after = step(linear(given["input"], given["w_ih"]), linear(state[0], given["w_hh"]), state)
    return after if len(after) > 1 else after[0]


def steps(program: ExportedProgram, names: Sequence[str]) -> dict[str, float]:
    """STEP for each output, by name, that hangs on numbers which are quantised while the model runs."""
    specs = program.graph_signature.output_specs
    made = zip(program.graph_module.graph.output_node().args[0], specs, strict=True)
    results = [result for result, spec in made if spec.kind is OutputKind.USER_OUTPUT]
    return {name: STEP for name, result in zip(names, results, strict=False) if _is_dynamic(result)}


def _is_dynamic(result: Any) -> bool:
    """Whether any node on the way to a result quantises while it runs."""
    seen, waiting = set(), [result]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Node) and node not in seen:
            if node.target in _DYNAMIC:
                return True
            seen.add(node)
            waiting += node.all_input_nodes
    return False
