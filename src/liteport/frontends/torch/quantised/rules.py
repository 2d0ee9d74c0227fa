"""What every operator on quantised tensors comes to: arithmetic on real numbers, between dequantize and quantize.

Operators of `quantized::` say which grid their result has, or PyTorch is asked for it. ATen's own leave their result on
the grid of what they take, as all kernels of PyTorch do but those that are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._ops import OpOverload
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils import _pytree as pytree

from liteport.errors import UnsupportedError
from liteport.frontends.torch.mutation import functional_twin, leaves_in_place
from liteport.frontends.torch.packing import CELLS
from liteport.frontends.torch.quantised import dynamic
from liteport.frontends.torch.quantised.packed import CONVOLUTIONS, linear
from liteport.frontends.torch.quantised.tensor import (
    NUMBERS,
    Grid,
    Quantised,
    as_it_is,
    grid_of,
    int_repr,
    is_quantised,
    quantised,
    real,
)

aten = torch.ops.aten

Arguments = dict[str, Any]
Rule = Callable[[Arguments], Any]

# Results' grids, as operators' schemas call them.
_GRIDS = (("output_scale", "output_zero_point"), ("Y_scale_i", "Y_zero_point_i"), ("scale", "zero_point"))


def _norm(x: Tensor, weight: Any, bias: Any, mean: Tensor, var: Tensor, eps: float) -> Tensor:
    return F.batch_norm(x, mean, var, weight, bias, eps=eps)


# Operators of `quantized::` on real numbers: their own arguments, less the result's grid.
FUNCTIONS: Mapping[str, Callable[..., Tensor]] = {
    **CONVOLUTIONS,
    "linear": linear,
    "linear_leaky_relu": lambda x, packed, slope: F.leaky_relu(linear(x, packed), slope),
    "linear_tanh": lambda x, packed: linear(x, packed).tanh(),
    "conv2d_add": lambda x, y, packed: CONVOLUTIONS["conv2d"](x, packed) + y,
    "add": torch.add,
    "add_scalar": torch.add,
    "mul": torch.mul,
    "mul_scalar": torch.mul,
    "matmul": torch.matmul,
    "cat": torch.cat,
    "batch_norm": _norm,
    "batch_norm1d": _norm,
    "batch_norm2d": _norm,
    "batch_norm3d": _norm,
    "layer_norm": F.layer_norm,
    "group_norm": F.group_norm,
    "instance_norm": lambda x, weight, bias, eps: F.instance_norm(x, weight=weight, bias=bias, eps=eps),
    "hardswish": F.hardswish,
    "sigmoid": torch.sigmoid,
    "softmax": torch.softmax,
    "elu": aten.elu,
    "celu": F.celu,
    "leaky_relu": lambda x, slope, inplace: F.leaky_relu(x, slope),
    "prelu": F.prelu,
    "relu6": lambda x, inplace: F.relu6(x),
    "clamp": torch.clamp,
    "threshold": F.threshold,
    "dropout": lambda x, p, training: x,
    "max_pool1d": torch.max_pool1d,
    "max_pool2d": torch.max_pool2d,
}

# Those whose result is on a grid of PyTorch's choice, and which compute element by element.
_ASKED = frozenset(
    {
        *("aten::sigmoid", "aten::tanh", "aten::hardsigmoid"),
        *(f"quantized::{n}" for n in ("add", "mul", "add_relu", "mul_relu")),
        *(f"quantized::{n}" for n in ("add_scalar", "mul_scalar", "add_scalar_relu", "mul_scalar_relu")),
    }
)


def follow(func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """What an operator that takes or gives quantised tensors comes to, these being Quantised.

    Raises UnsupportedError for what has no such form.
    """
    name, given = func._schema.name, _arguments(func, args, kwargs)
    if name in RULES:
        return RULES[name](given)
    if name.endswith("_prepack"):
        return _packed(func, given)
    if name.startswith("quantized::"):
        return _computed(func, given)
    twin = functional_twin(func)
    if twin is not None:
        return _written(args[0], func, _kept(twin, given))
    return _alike(func, args, _kept(func, given))


def is_known(func: OpOverload) -> bool:
    """Whether an operator gives quantised tensors whatever it takes."""
    return func.namespace == "quantized" or func._schema.name in RULES


def _arguments(func: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Arguments:
    """The arguments by name, in the schema's order, defaults among them."""
    given = dict(zip((a.name for a in func._schema.arguments), args, strict=False)) | dict(kwargs)
    return {a.name: given.get(a.name, a.default_value) for a in func._schema.arguments}


def _packed(func: OpOverload, given: Arguments) -> Any:
    """Known weights, packed for a layer. Raises UnsupportedError for others."""
    tensors = [leaf for leaf in pytree.tree_leaves(given) if isinstance(leaf, Tensor)]
    if any(isinstance(tensor, FakeTensor | Quantised) for tensor in tensors):
        raise UnsupportedError(f"{func._schema.name} of weights that the forward computes: pack them before")
    with as_it_is():
        return func(*given.values())


def _computed(func: OpOverload, given: Arguments) -> Quantised:
    """An operator of `quantized::`, computed on real numbers."""
    name = func._schema.name.removeprefix("quantized::")
    is_clamped = name not in FUNCTIONS and name.endswith("_relu")
    function = FUNCTIONS.get(name.removesuffix("_relu") if is_clamped else name)
    if function is None or any(a.alias_info is not None for a in func._schema.arguments):
        raise UnsupportedError(f"{func._schema.name}, which has no form without PyTorch's quantised kernels")
    grid = _result_grid(func, given)
    y = function(*pytree.tree_map(real, list(given.values())))
    return quantised(y.relu() if is_clamped else y, grid)


def _result_grid(func: OpOverload, given: Arguments) -> Grid:
    """The grid that a result shall have; it is taken out of the arguments where they say it."""
    first = _first_grid(given)
    for scale, zero_point in _GRIDS:
        if scale in given and zero_point in given:
            step, start = given.pop(scale), given.pop(zero_point)
            return first if step is None or start is None else Grid(known(step), known(start), first.kind)
    return _asked(func, given) if func._schema.name in _ASKED else first


def _first_grid(given: Arguments) -> Grid:
    """The grid of the first quantised tensor among the arguments."""
    found = next((leaf for leaf in pytree.tree_leaves(given) if is_quantised(leaf)), None)
    if found is None:
        raise UnsupportedError("an operator on quantised tensors that takes none: quantise what it takes")
    return grid_of(found)


def _asked(func: OpOverload, given: Arguments) -> Grid:
    """The grid that PyTorch gives the result: that of the same with a single element in each tensor's place."""

    def single(leaf: Any) -> Any:
        return (
            grid_of(leaf).quantised(torch.zeros(1, dtype=NUMBERS[grid_of(leaf).kind])) if is_quantised(leaf) else leaf
        )

    with as_it_is():
        return Grid.of(func(*pytree.tree_map(single, list(given.values()))))


def _kept(func: OpOverload, given: Arguments) -> Any:
    """ATen's own operator on quantised tensors: real numbers that come of it are on the grid of the first."""
    grid = _asked(func, given) if func._schema.name in _ASKED else _first_grid(given)
    positional = [real_tree(given[a.name]) for a in func._schema.arguments if not a.kwarg_only]
    named = {a.name: real_tree(given[a.name]) for a in func._schema.arguments if a.kwarg_only}
    return pytree.tree_map_only(
        Tensor, lambda y: quantised(y, grid) if y.is_floating_point() else y, func(*positional, **named)
    )


def real_tree(value: Any) -> Any:
    return pytree.tree_map(real, value)


def _alike(func: OpOverload, args: Sequence[Any], result: Any) -> Any:
    """`result`, which knows that it is on the storage of the first argument where the operator leaves it there."""
    if leaves_in_place(func) and isinstance(args[0], Quantised):
        for leaf in pytree.tree_leaves(result):
            if isinstance(leaf, Quantised):
                leaf.share(args[0])
    return result


def _written(target: Any, func: OpOverload, result: Any) -> Quantised:
    """`target`, which is `result` from now on. Raises UnsupportedError where others on its storage change with it."""
    if not isinstance(target, Quantised):
        raise UnsupportedError(f"{func}, which writes quantised numbers into a tensor that has none")
    if target.is_shared:
        raise UnsupportedError(f"{func} of a quantised tensor whose numbers are seen elsewhere: write it without its _")
    target.numbers, target.grid = result.numbers, result.grid
    return target


# Operators that make quantised tensors, or take them apart.


def known(parameter: Any) -> Any:
    """A scale or a zero point as a number. Raises UnsupportedError where it is only known when the model runs."""
    number = parameter.item() if isinstance(parameter, Tensor) else parameter
    if not isinstance(number, int | float):
        raise UnsupportedError("a scale or a zero point that is computed while the model runs: make it a number")
    return number


def _quantize(given: Arguments) -> Quantised:
    """quantize_per_tensor(Tensor self, float scale, int zero_point, ScalarType dtype) -> Tensor"""
    return quantised(given["self"], Grid(known(given["scale"]), known(given["zero_point"]), given["dtype"]))


def _quantize_channels(given: Arguments) -> Quantised:
    """quantize_per_channel(Tensor self, Tensor scales, Tensor zero_points, int axis, ScalarType dtype) -> Tensor"""
    grid = Grid(given["scales"].float(), given["zero_points"].long(), given["dtype"], given["axis"])
    return quantised(given["self"], grid)


def _made(given: Arguments) -> Quantised:
    """_make_per_tensor_quantized_tensor(Tensor self, float scale, int zero_point) -> Tensor"""
    kinds = {torch.uint8: torch.quint8, torch.int8: torch.qint8}
    grid = Grid(known(given["scale"]), known(given["zero_point"]), kinds.get(given["self"].dtype, torch.qint32))
    return Quantised(grid.given(given["self"]), grid)


def _dequantize(given: Arguments) -> Any:
    """dequantize.self(Tensor self) -> Tensor;  dequantize.tensors(Tensor[] tensors) -> Tensor[]"""
    return real_tree(next(iter(given.values())))


def _dynamic(function: Callable[[Tensor, Any], Tensor], clamp: bool = False) -> Rule:
    """linear_dynamic(Tensor X, LinearPackedParamsBase W_prepack, bool reduce_range=False) -> Tensor, and others"""

    def rule(given: Arguments) -> Tensor:
        x, packed, *_ = given.values()
        y = function(x, packed)
        return y.relu() if clamp else y

    return rule


def _embedding(given: Arguments) -> Tensor:
    """embedding_byte(EmbeddingPackedParamsBase weight, Tensor indices, bool pruned_weights=False) -> Tensor"""
    with as_it_is():
        table = torch.ops.quantized.embedding_bag_unpack(given["weight"]).dequantize()
    return F.embedding(given["indices"], table)


RULES: Mapping[str, Rule] = {
    "quantized::linear_dynamic": _dynamic(dynamic.linear),
    "quantized::linear_relu_dynamic": _dynamic(dynamic.linear, clamp=True),
    "quantized::linear_dynamic_fp16": _dynamic(dynamic.half_linear),
    "quantized::linear_relu_dynamic_fp16": _dynamic(dynamic.half_linear, clamp=True),
    **{f"quantized::{name}_dynamic": _dynamic(dynamic.convolution(name)) for name in CONVOLUTIONS},
    "quantized::embedding_byte": _embedding,
    "quantized::embedding_4bit": _embedding,
    "aten::quantized_lstm": partial(dynamic.recurrent, aten.lstm.input),
    "aten::quantized_gru": partial(dynamic.recurrent, aten.gru.input),
    "quantized::quantized_lstm_cell_dynamic": partial(dynamic.cell, CELLS["LSTM"]),
    "quantized::quantized_gru_cell_dynamic": partial(dynamic.cell, CELLS["GRU"]),
    "quantized::quantized_rnn_tanh_cell_dynamic": partial(dynamic.cell, CELLS["RNN_TANH"]),
    "quantized::quantized_rnn_relu_cell_dynamic": partial(dynamic.cell, CELLS["RNN_RELU"]),
    "aten::quantize_per_tensor": _quantize,
    "aten::quantize_per_channel": _quantize_channels,
    "aten::_make_per_tensor_quantized_tensor": _made,
    "aten::dequantize": _dequantize,
    "aten::int_repr": lambda given: int_repr(given["self"]).clone(),
    "aten::q_scale": lambda given: grid_of(given["self"]).scale,
    "aten::q_zero_point": lambda given: grid_of(given["self"]).zero_point,
    "aten::qscheme": lambda given: torch.per_tensor_affine,
}
