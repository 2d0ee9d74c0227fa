"""Weights as PyTorch's quantised layers keep them: packed for one processor or another, in objects of C++."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from liteport.frontends.torch.quantised.tensor import as_it_is, real

ops = torch.ops.quantized

Convolution = Callable[..., Tensor]

_CONVOLUTIONS: Mapping[str, tuple[int, Convolution]] = {
    "conv1d": (1, torch.conv1d),
    "conv2d": (2, torch.conv2d),
    "conv3d": (3, torch.conv3d),
    "conv_transpose1d": (1, torch.conv_transpose1d),
    "conv_transpose2d": (2, torch.conv_transpose2d),
    "conv_transpose3d": (3, torch.conv_transpose3d),
}

_CLASSES = (".classes.quantized.", ".classes.rnn.")


def is_packed(value: Any) -> bool:
    """Whether a value is an object that holds weights of quantised layers."""
    return isinstance(value, torch.ScriptObject) and any(kind in str(value._type()) for kind in _CLASSES)


@dataclass(frozen=True)
class Weights:
    """The weights of a layer, quantised (of int8, or halves), and its bias, of floats."""

    weight: Tensor
    bias: Tensor | None


def real_weights(packed: Any, halves: bool = False) -> tuple[Tensor, Tensor | None]:
    """The weights of a linear layer as the real numbers that they stand for, and its bias."""
    found = unpacked(ops.linear_unpack_fp16 if halves else ops.linear_unpack, packed)
    return found.weight.float() if halves else real(found.weight), found.bias


def unpacked(unpack: Callable[[Any], tuple[Tensor, Tensor | None]], packed: Any) -> Weights:
    with as_it_is():
        weight, bias = unpack(packed)
        return Weights(weight, None if bias is None else bias.detach())


def linear(x: Tensor, packed: Any) -> Tensor:
    """The linear layer of real numbers."""
    return torch.nn.functional.linear(x, *real_weights(packed))


def convolution(name: str) -> Convolution:
    """The convolution `name` of real numbers: (x, packed), and what older files say once more beside the weights."""
    rank, compute = _CONVOLUTIONS[name]
    family = f"conv{'_transpose' if 'transpose' in name else ''}{max(rank, 2)}d"

    def convolve(x: Tensor, packed: Any, *again: Any) -> Tensor:
        found = unpacked(getattr(ops, f"{name}_unpack"), packed)
        with as_it_is():
            stride, padding, dilation = (
                list(getattr(ops, f"{family}_{part}")(packed))[-rank:] for part in ("stride", "padding", "dilation")
            )
            groups = getattr(ops, f"{family}_groups")(packed)
            outer = list(getattr(ops, f"{family}_output_padding")(packed))[-rank:]
        weight = real(found.weight)
        if "transpose" in name:
            return compute(x, weight, found.bias, stride, padding, outer, groups, dilation)
        return compute(x, weight, found.bias, stride, padding, dilation, groups)

    return convolve


CONVOLUTIONS: Mapping[str, Convolution] = {name: convolution(name) for name in _CONVOLUTIONS}
