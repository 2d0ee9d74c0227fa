"""Conversions between element types, and dropout, which a network at rest does not have."""

from __future__ import annotations

from typing import Any

import torch

from liteport.errors import UnsupportedError
from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic
from liteport.lowering.operands import convert

aten = torch.ops.aten


def to(b: TorchBuilder, x: Value, *args: Any, **kwargs: Any) -> Value:
    """to.dtype(Tensor self, ScalarType dtype, ...) -> Tensor, and all like it: only the type matters here."""
    return convert(b, x, b.result.dtype)


def view_as(b: TorchBuilder, x: Value, dtype: Any) -> Value:
    """view.dtype(Tensor self, ScalarType dtype) -> Tensor: the same bytes as another type of the same width."""
    if x.dtype.bits != b.result.dtype.bits or DType.BOOL in (x.dtype, b.result.dtype):
        raise UnsupportedError(
            f"view of {x.dtype.name.lower()} as {b.result.dtype.name.lower()}, which is of another width: "
            "x.to(dtype) converts the numbers"
        )
    return x if x.dtype is b.result.dtype else b.emit(ops.Bitcast(to=b.result.dtype), x)


def dropout(b: TorchBuilder, x: Value, p: float, train: bool) -> Value:
    """dropout(Tensor input, float p, bool train) -> Tensor"""
    if train and p > 0:
        raise UnsupportedError(
            "dropout that is on in eval mode: pass training=self.training to F.dropout, or use nn.Dropout"
        )
    return x


def native_dropout(b: TorchBuilder, x: Value, p: float, train: bool | None) -> tuple[Value, Value]:
    """native_dropout(Tensor input, float p, bool? train) -> (Tensor, Tensor)"""
    kept = b.results[1]
    return dropout(b, x, p, bool(train)), basic.broadcast_to(b, basic.scalar(b, 1, kept.dtype), kept.shape)


LOWERINGS: Table = {
    aten.view.dtype: view_as,
    aten.to.dtype: to,
    aten.to.device: to,
    aten.to.other: to,
    aten.to.dtype_layout: to,
    aten._to_copy.default: to,
    torch.ops.prims.convert_element_type.default: to,
    aten.type_as.default: to,
    aten.dropout.default: dropout,
    aten.feature_dropout.default: dropout,
    aten.alpha_dropout.default: dropout,
    aten.feature_alpha_dropout.default: dropout,
    aten.native_dropout.default: native_dropout,
}
