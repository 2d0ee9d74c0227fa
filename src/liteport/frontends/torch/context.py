"""What a lowering is handed: the builder that knows which ATen node it is writing, and PyTorch's types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.fx import GraphModule

from liteport.errors import UnsupportedError
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Value
from liteport.ir.types import Array, DType, TensorType

# Everything is computed in float32 (or integers): half precision widens exactly, doubles are narrowed.
DTYPES: Mapping[torch.dtype, DType] = {
    torch.float32: DType.FLOAT32,
    torch.float64: DType.FLOAT32,
    torch.float16: DType.FLOAT32,
    torch.bfloat16: DType.FLOAT32,
    torch.int64: DType.INT64,
    torch.int32: DType.INT32,
    torch.int16: DType.INT16,
    torch.int8: DType.INT8,
    torch.uint8: DType.UINT8,
    torch.bool: DType.BOOL,
}

# A complex number is two real ones (lowering/complex.py).
PARTS: Mapping[torch.dtype, DType] = dict.fromkeys((torch.complex32, torch.complex64, torch.complex128), DType.FLOAT32)

# A lowering takes the builder, then the ATen operator's own arguments: tensors as Values, lists of
# tensors as lists of Values, everything else as PyTorch has it. It returns a Value, or as many as
# the operator has results, as a tuple (or list, where the schema says Tensor[]).
Lowering = Callable[..., Any]
Table = dict[Any, Lowering]
Walk = Callable[["TorchBuilder", GraphModule, Sequence[Any]], list[Any]]


class TorchBuilder(Builder):
    """A builder with the types that PyTorch gives to the results of the node at hand.

    `results` are those types, of complex numbers those of their parts, and `is_complex` says that the first is complex.
    `operand` is the node's first operand as PyTorch has it, which knows its place in memory.
    `walk` lowers a nested graph, such as the branch of a condition, with the builder and operands that it is handed.
    """

    def __init__(self, graph: Graph, walk: Walk | None = None) -> None:
        super().__init__(graph)
        self.results: tuple[TensorType, ...] = ()
        self.operand: torch.Tensor | None = None
        self.is_complex = False
        self.walk = walk

    def body(self, role: str) -> TorchBuilder:
        inner = super().body(role)
        inner.walk = self.walk
        return inner

    def nested(self, graph: GraphModule, operands: Sequence[Any]) -> list[Value]:
        """What a nested graph gives for these operands, written here. Raises UnsupportedError for what is no tensor."""
        assert self.walk is not None
        results = self.walk(self, graph, operands)
        if not all(isinstance(r, Value) for r in results):
            raise UnsupportedError("control flow that gives something else than tensors")
        return results

    @property
    def result(self) -> TensorType:
        """PyTorch's type of the node's first result, its dtype as liteport carries it."""
        return self.results[0]


def tensor_type(tensor: torch.Tensor) -> TensorType:
    """The type as which liteport carries `tensor`. Raises KeyError(dtype) for complex and the like."""
    return TensorType(DTYPES[tensor.dtype], tuple(int(d) for d in tensor.shape))


def to_numpy(tensor: torch.Tensor) -> Array:
    """The tensor as an array of the type that liteport carries, quantised numbers as integers: shared memory where the
    type stays."""
    tensor = tensor.detach().cpu()
    if tensor.is_quantized:
        tensor = tensor.int_repr()
    if tensor.is_floating_point() and tensor.dtype not in (torch.float32, torch.float64):
        tensor = tensor.float()  # NumPy lacks most of these
    array: Array = tensor.resolve_conj().resolve_neg().numpy()
    narrow = {"f": np.float32, "c": np.complex64}.get(array.dtype.kind)
    return array if narrow is None else array.astype(narrow, copy=False)
