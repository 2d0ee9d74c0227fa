"""Python's arithmetic on floats that depend on sizes or are read off tensors: tensors without dimensions."""

from __future__ import annotations

import operator

import torch

from liteport.frontends.torch.context import Lowering, Table, TorchBuilder
from liteport.frontends.torch.ops._common import Operand, operand
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic

aten = torch.ops.aten


def as_float(b: TorchBuilder, x: Operand) -> Value:
    """torch.sym_float: a size as a float"""
    return operand(b, x, DType.FLOAT32)


def item(b: TorchBuilder, x: Value) -> Value:
    """item(Tensor self) -> Scalar, of a float: the tensor itself"""
    return as_float(b, basic.reshape(b, x, ()))


def square_root(b: TorchBuilder, x: Operand) -> Value:
    """math.sqrt"""
    return b.emit(ops.Sqrt(), as_float(b, x))


def binary(kind: ops.Operator) -> Lowering:
    """The lowering of an operator of Python's on two numbers."""

    def lowering(b: TorchBuilder, left: Operand, right: Operand) -> Value:
        return b.emit(kind, as_float(b, left), as_float(b, right))

    return lowering


LOWERINGS: Table = {
    aten.item.default: item,
    aten._local_scalar_dense.default: item,
    torch.sym_float: as_float,
    torch._sym_sqrt: square_root,
    operator.add: binary(ops.Add()),
    operator.sub: binary(ops.Sub()),
    operator.mul: binary(ops.Mul()),
    operator.truediv: binary(ops.Div()),
    operator.pow: binary(ops.Pow()),
}
