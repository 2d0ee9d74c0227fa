"""Quantised tensors as integers beside their grid: PyTorch's own have no form without data, which an export needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import ref

import torch
import torch.ao.quantization.fx._decomposed  # defines quantized_decomposed
from torch import Tensor
from torch._subclasses.fake_tensor import unset_fake_temporarily
from torch.fx.experimental.proxy_tensor import disable_proxy_modes_tracing

from liteport.errors import UnsupportedError

decomposed = torch.ops.quantized_decomposed

NUMBERS = {torch.quint8: torch.uint8, torch.qint8: torch.int8}


@dataclass(frozen=True)
class Grid:
    """Numbers of `kind` (quint8, qint8), which stand for (number - zero_point) * scale.

    Both are numbers, or tensors with one for each place along `axis`.
    """

    scale: Any
    zero_point: Any
    kind: torch.dtype
    axis: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in NUMBERS:
            kind = str(self.kind).removeprefix("torch.")
            raise UnsupportedError(f"quantised tensors of {kind}: use quint8 or qint8")

    @classmethod
    def of(cls, tensor: Tensor) -> Grid:
        """The grid of one of PyTorch's own quantised tensors."""
        if tensor.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
            return cls(tensor.q_scale(), tensor.q_zero_point(), tensor.dtype)
        scales, zero_points = tensor.q_per_channel_scales(), tensor.q_per_channel_zero_points()
        return cls(scales.float(), zero_points.long(), tensor.dtype, tensor.q_per_channel_axis())

    @property
    def shift(self) -> int:
        """By how much the numbers are further down in int8."""
        return 128 if self.kind is torch.quint8 else 0

    def quantise(self, x: Tensor) -> Tensor:
        """Real numbers as numbers of the grid, in int8."""
        return self._quantise(x, torch.int8, self.shift)

    def real(self, numbers: Tensor) -> Tensor:
        """What numbers of the grid, in int8, stand for."""
        return self._real(numbers, torch.int8, self.shift)

    def given(self, numbers: Tensor) -> Tensor:
        """Numbers as PyTorch has them, in int8."""
        return self.quantise(self._real(numbers, numbers.dtype)) if self.shift else numbers

    def int_repr(self, numbers: Tensor) -> Tensor:
        """Numbers in int8, as PyTorch has them."""
        return self._quantise(self.real(numbers), NUMBERS[self.kind]) if self.shift else numbers

    def quantised(self, numbers: Tensor) -> Tensor:
        """PyTorch's own quantised tensor of these numbers."""
        if self.axis is None:
            return torch._make_per_tensor_quantized_tensor(numbers, self.scale, self.zero_point)
        return torch._make_per_channel_quantized_tensor(numbers, self.scale.double(), self.zero_point, self.axis)

    def _quantise(self, x: Tensor, dtype: torch.dtype, shift: int = 0) -> Tensor:
        operator = decomposed.quantize_per_tensor if self.axis is None else decomposed.quantize_per_channel
        return operator(x, *self._parameters(dtype, shift))

    def _real(self, numbers: Tensor, dtype: torch.dtype, shift: int = 0) -> Tensor:
        operator = decomposed.dequantize_per_tensor if self.axis is None else decomposed.dequantize_per_channel
        return operator(numbers, *self._parameters(dtype, shift))

    def _parameters(self, dtype: torch.dtype, shift: int) -> tuple[Any, ...]:
        along, limits = () if self.axis is None else (self.axis,), torch.iinfo(dtype)
        start = self.zero_point - shift if shift else self.zero_point
        return (self.scale, start, *along, limits.min, limits.max, dtype)


class Quantised(Tensor):
    """In the place of a quantised tensor, while torch.export follows a module: its numbers, on a grid.

    They are of int8, those of quint8 128 further down, which is what kernels take. It has the shape and type of what it
    stands for, and no data; `family` are those on the same storage, itself among them.
    """

    numbers: Tensor
    grid: Grid
    family: list[ref[Quantised]]

    @staticmethod
    def __new__(cls, numbers: Tensor, grid: Grid) -> Quantised:
        made: Quantised = Tensor._make_wrapper_subclass(
            cls, numbers.shape, numbers.stride(), dtype=grid.kind, device="cpu"
        )
        return made

    def __init__(self, numbers: Tensor, grid: Grid) -> None:
        super().__init__()
        self.numbers, self.grid, self.family = numbers, grid, [ref(self)]

    def share(self, other: Quantised) -> None:
        """Puts this and all on its storage on that of another."""
        other.family.extend(self.family)
        self.family = other.family

    @property
    def is_shared(self) -> bool:
        """Whether any other that is still there is on the same storage."""
        there = [member() for member in self.family]
        return any(one is not None and one is not self for one in there)

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise UnsupportedError(f"{func} of a quantised tensor, outside of what torch.export follows")


def quantised(x: Tensor, grid: Grid) -> Quantised:
    return Quantised(grid.quantise(x), grid)


def is_quantised(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_quantized


def grid_of(value: Tensor) -> Grid:
    """The grid of a Quantised, or of a constant that is one of PyTorch's own."""
    if isinstance(value, Quantised):
        return value.grid
    with as_it_is():
        return Grid.of(value)


def numbers(value: Tensor) -> Tensor:
    """The numbers of a Quantised, or of a constant that is one of PyTorch's own, in int8."""
    if isinstance(value, Quantised):
        return value.numbers
    with as_it_is():
        return (value.int_repr().to(torch.int16) - Grid.of(value).shift).to(torch.int8)


def int_repr(value: Tensor) -> Tensor:
    """The numbers of a Quantised as PyTorch has them."""
    return grid_of(value).int_repr(numbers(value))


def real(value: Any) -> Any:
    """What a quantised tensor stands for; anything else as it is."""
    return grid_of(value).real(numbers(value)) if is_quantised(value) else value


@contextmanager
def as_it_is() -> Iterator[None]:
    """Inside, PyTorch computes with the tensors that there are, and torch.export does not see it."""
    with disable_proxy_modes_tracing(), unset_fake_temporarily():
        yield
