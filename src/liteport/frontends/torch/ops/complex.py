"""Complex numbers, which become their real and imaginary parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import pi
from typing import Any

import torch

from liteport.errors import UnsupportedError
from liteport.frontends.torch.context import Lowering, Table, TorchBuilder
from liteport.frontends.torch.ops import conv, create, fourier, join, matmul, pad, reduce, shape, slicing
from liteport.frontends.torch.ops import convert as convert_
from liteport.frontends.torch.ops._common import aliases, operand
from liteport.ir import ops
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import basic, joining
from liteport.lowering.complex import (
    Complex,
    Number,
    cosine,
    direction,
    exponential,
    logarithm,
    minus,
    plus,
    polar,
    power,
    root,
    sine,
)
from liteport.lowering.formula import Term, where
from liteport.lowering.operands import align, convert

aten = torch.ops.aten

Operand = Complex | Value | complex


def numbers(b: TorchBuilder, *xs: Operand) -> list[Number]:
    """Operands of a broadcasting formula: their parts aligned, those of real numbers without an imaginary one."""
    tensors = [part for x in xs for part in _tensors(x)]
    aligned = iter(align(b, [operand(b, part, DType.FLOAT32) for part in tensors]))
    return [_number(x, [Term(b, next(aligned)) for _ in _tensors(x)]) for x in xs]


def _tensors(x: Operand) -> list[Value]:
    return [x.re, x.im] if isinstance(x, Complex) else [x] if isinstance(x, Value) else []


def _number(x: Operand, terms: Sequence[Term]) -> Number:
    if isinstance(x, Complex | Value):
        return Number(*terms)
    return Number(*(float(part) if part else None for part in (x.real, x.imag)))


def formula(function: Callable[..., Number], tensors: int = 1) -> Lowering:
    """The lowering by a formula of `tensors` Numbers and further arguments as they come."""

    def lowering(b: TorchBuilder, *args: Any, **kwargs: Any) -> Complex:
        found = function(*numbers(b, *args[:tensors]), *args[tensors:], **kwargs)
        return found.tensor(b, b.result.shape)

    return lowering


def real_of(function: Callable[[Number], Term]) -> Lowering:
    """The lowering of what gives a real number for a complex one."""
    return lambda b, x: function(*numbers(b, x)).value


def add(b: TorchBuilder, x: Operand, other: Operand, *, alpha: complex = 1) -> Complex:
    """add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor"""
    left, right, factor = numbers(b, x, other, alpha)
    return (left + (right if alpha == 1 else right * factor)).tensor(b, b.result.shape)


def sub(b: TorchBuilder, x: Operand, other: Operand, *, alpha: complex = 1) -> Complex:
    """sub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor"""
    return add(b, x, other, alpha=-alpha)


def rsub(b: TorchBuilder, x: Operand, other: Operand, *, alpha: complex = 1) -> Complex:
    """rsub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor"""
    return add(b, other, x, alpha=-alpha)


def addcmul(b: TorchBuilder, x: Operand, left: Operand, right: Operand, *, value: complex = 1) -> Complex:
    """addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor"""
    start, one, other, factor = numbers(b, x, left, right, value)
    return (start + one * other * factor).tensor(b, b.result.shape)


def equal(b: TorchBuilder, x: Operand, other: Operand) -> Value:
    """eq.Tensor(Tensor self, Tensor other) -> Tensor"""
    (left, right), (top, bottom) = zip(*(n.both() for n in numbers(b, x, other)), strict=True)
    return b.emit(ops.LogicalAnd(), left.equals(right).value, top.equals(bottom).value)


def not_equal(b: TorchBuilder, x: Operand, other: Operand) -> Value:
    """ne.Tensor(Tensor self, Tensor other) -> Tensor"""
    return b.emit(ops.LogicalNot(), equal(b, x, other))


def angle(b: TorchBuilder, x: Complex | Value) -> Value:
    """angle(Tensor self) -> Tensor; of a real number 0 or pi"""
    if isinstance(x, Complex):
        return real_of(Number.angle)(b, x)
    term = Term(b, convert(b, x, DType.FLOAT32))
    return where(term < 0.0, pi, where(term.equals(term), 0.0, term)).value


def complex_(b: TorchBuilder, real: Value, imag: Value) -> Complex:
    """complex(Tensor real, Tensor imag) -> Tensor"""
    re, im = (basic.broadcast_to(b, part, b.result.shape) for part in align(b, [real, imag]))
    return Complex(re, im)


def polar_(b: TorchBuilder, length: Value, turn: Value) -> Complex:
    """polar(Tensor abs, Tensor angle) -> Tensor"""
    return polar(*(Term(b, part) for part in align(b, [length, turn]))).tensor(b, b.result.shape)


def view_as_complex(b: TorchBuilder, x: Value) -> Complex:
    """view_as_complex(Tensor(a) self) -> Tensor(a): x[..., 2]"""
    re, im = (basic.squeeze(b, basic.narrow(b, x, -1, i, 1), -1) for i in (0, 1))
    return Complex(re, im)


def view_as_real(b: TorchBuilder, x: Complex) -> Value:
    """view_as_real(Tensor(a) self) -> Tensor(a): [..., 2]"""
    return joining.stack(b, [x.re, x.im], -1)


def to(b: TorchBuilder, x: Complex | Value, *args: Any, **kwargs: Any) -> Complex | Value:
    """to.dtype(Tensor self, ScalarType dtype, ...) -> Tensor, and all like it: only the type matters here."""
    if not b.is_complex:
        assert isinstance(x, Complex)
        return convert(b, x.re, b.result.dtype)
    return x if isinstance(x, Complex) else Number(Term(b, convert(b, x, DType.FLOAT32))).tensor(b, x.shape)


def ones(b: TorchBuilder, *args: Any, **kwargs: Any) -> Complex:
    """ones_like(Tensor self, ...) -> Tensor"""
    return Number(1.0).tensor(b, b.result.shape)


def conj(b: TorchBuilder, x: Complex) -> Complex:
    """conj(Tensor(a) self) -> Tensor(a)"""
    return Complex(x.re, b.emit(ops.Neg(), x.im))


def turned(lowering: Lowering) -> Lowering:
    """The lowering of a transpose that takes the conjugate, too."""
    return lambda b, x: conj(b, Complex(lowering(b, x.re), lowering(b, x.im)))


def vdot(b: TorchBuilder, x: Complex, other: Complex) -> Complex:
    """vdot(Tensor self, Tensor other) -> Tensor"""
    return product(matmul.matmul)(b, conj(b, x), other)


def product(lowering: Lowering) -> Lowering:
    """The lowering of what is linear in each of two operands, f(x, y, ...), by that on reals."""

    def lower(b: TorchBuilder, x: Complex | Value, y: Complex | Value, *args: Any, **kwargs: Any) -> Complex:
        def call(p: Value | None, q: Value | None) -> Term | None:
            return None if p is None or q is None else Term(b, lowering(b, p, q, *args, **kwargs))

        (left, top), (right, bottom) = _parts(x), _parts(y)
        re, im = minus(call(left, right), call(top, bottom)), plus(call(left, bottom), call(top, right))
        return Number(re, im).tensor(b, b.result.shape)

    return lower


def layer(lowering: Lowering) -> Lowering:
    """The lowering of a linear layer or a convolution, f(x, weight, bias, ...), by that on reals."""

    def lower(
        b: TorchBuilder, x: Complex, y: Complex, bias: Complex | None = None, *args: Any, **kwargs: Any
    ) -> Complex:
        def call(p: Value, q: Value, start: Value | None = None) -> Term:
            return Term(b, lowering(b, p, q, start, *args, **kwargs))

        re, im = (bias.re, bias.im) if bias else (None, None)
        number = Number(call(x.re, y.re, re) - call(x.im, y.im), call(x.re, y.im, im) + call(x.im, y.re))
        return number.tensor(b, b.result.shape)

    return lower


def _parts(x: Complex | Value) -> tuple[Value, Value | None]:
    return (x.re, x.im) if isinstance(x, Complex) else (x, None)


def einsum(b: TorchBuilder, equation: str, tensors: Sequence[Any], **kwargs: Any) -> Complex:
    """einsum(str equation, Tensor[] tensors, *, int[]? path=None) -> Tensor, of one or two tensors"""
    if len(tensors) == 1:
        re, im = (matmul.einsum(b, equation, [part]) for part in (tensors[0].re, tensors[0].im))
        return Complex(re, im)
    if len(tensors) > 2:
        raise UnsupportedError("einsum of more than two tensors with complex numbers: multiply them two by two")
    return product(lambda b, p, q: matmul.einsum(b, equation, [p, q]))(b, *tensors)


def addmm(b: TorchBuilder, x: Operand, left: Any, right: Any, *, beta: complex = 1, alpha: complex = 1) -> Complex:
    """addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor"""
    start, factor, found, scale = numbers(b, x, beta, product(matmul.matmul)(b, left, right), alpha)
    return (start * factor + found * scale).tensor(b, b.result.shape)


def norm(b: TorchBuilder, x: Complex, *args: Any, **kwargs: Any) -> Value:
    """linalg_vector_norm(Tensor self, Scalar ord=2, int[1]? dim=None, ...) -> Tensor: that of the lengths"""
    return reduce.norm(b, real_of(Number.length)(b, x), *args, **kwargs)


def by_parts(target: Any, lowering: Lowering) -> Lowering:
    """The lowering of what moves numbers or adds them up, by that on reals: of the real parts, and of the imaginary.

    Real tensors and numbers (the schema's Scalar and float: a padding's value, not a size) among complex ones have an
    imaginary part of 0; indices and masks are the same for both.
    """
    schema = {argument.name: argument for argument in target._schema.arguments}

    def lower(b: TorchBuilder, *args: Any, **kwargs: Any) -> Any:
        named = dict(zip(schema, args, strict=False)) | kwargs
        re = {name: _half(b, value, schema[name], 0) for name, value in named.items()}
        im = {name: _half(b, value, schema[name], 1) for name, value in named.items()}
        found = [
            lowering(b, *(part[n] for n in list(named)[: len(args)]), **{n: part[n] for n in kwargs})
            for part in (re, im)
        ]
        if isinstance(found[0], Value):
            return Complex(*found)
        return [Complex(*both) for both in zip(*found, strict=True)]

    return lower


def _call(b: TorchBuilder, lowering: Lowering, arguments: Mapping[str, Any], positional: int) -> Any:
    names = list(arguments)
    return lowering(b, *(arguments[n] for n in names[:positional]), **{n: arguments[n] for n in names[positional:]})


# Arguments that say where, not what.
_PLACES = ("condition", "index", "indices", "mask", "repeats", "tensor_indices_or_sections")


def _half(b: TorchBuilder, value: Any, argument: Any, part: int) -> Any:
    """One part of each complex number in an argument."""
    if isinstance(value, list):
        return [_half(b, each, argument, part) for each in value]
    if isinstance(value, Complex):
        return (value.re, value.im)[part]
    if isinstance(value, Value):
        return value if not part or argument.name in _PLACES else _zeros(b, value)
    if _holds_numbers(argument.type) and isinstance(value, int | float | complex):
        return (value.real, value.imag)[part]
    return value


def _holds_numbers(kind: Any) -> bool:
    """Whether an argument of that type of PyTorch's is a number of any kind, may be one, or is a list of them."""
    while isinstance(kind, torch.OptionalType | torch.ListType):
        kind = kind.getElementType()
    return isinstance(kind, torch.NumberType | torch.FloatType)


def _zeros(b: TorchBuilder, like: Value) -> Value:
    return basic.broadcast_to(b, basic.scalar(b, 0.0, DType.FLOAT32), like.shape)


def on_complex(target: Any, lowering: Lowering | None) -> Lowering | None:
    """The lowering of an operator on complex numbers, where `lowering` is that on reals; None where there is none."""
    if target in ON_COMPLEX:
        return ON_COMPLEX[target]
    return by_parts(target, lowering) if target in _BY_PARTS and lowering is not None else None


LOWERINGS: Table = {
    aten.complex.default: complex_,
    aten.polar.default: polar_,
    aten.view_as_complex.default: view_as_complex,
    aten.view_as_complex_copy.default: view_as_complex,
    aten.view_as_real.default: view_as_real,
    aten.view_as_real_copy.default: view_as_real,
    aten.imag.default: lambda b, x: x.im,
    aten.angle.default: angle,
}

_TRANSPOSES = (aten.mH.default, aten.matrix_H.default, aten.adjoint.default)
_CONJUGATES = (aten.conj.default, aten._conj.default, aten.conj_physical.default, aten._conj_physical.default)
_PRODUCTS: Table = {
    op: matmul.LOWERINGS[op]
    for op in (
        *(aten.matmul.default, aten.mm.default, aten.bmm.default, aten.mv.default, aten.dot.default),
        *(aten.outer.default, aten.ger.default, aten.inner.default, aten.tensordot.default, aten.kron.default),
    )
}
_LAYERS: Table = {
    aten.linear.default: matmul.linear,
    **{op: lowering for op, lowering in conv.LOWERINGS.items() if lowering is not conv.conv_tbc},
}

ON_COMPLEX: Table = {
    **LOWERINGS,
    **fourier.LOWERINGS,
    **{op: product(lowering) for op, lowering in _PRODUCTS.items()},
    **{op: layer(lowering) for op, lowering in _LAYERS.items()},
    **dict.fromkeys(_CONJUGATES, conj),
    **{op: turned(shape.LOWERINGS[op]) for op in _TRANSPOSES},
    **{op: to for op, lowering in convert_.LOWERINGS.items() if lowering is convert_.to},
    **dict.fromkeys((aten.ones.default, aten.ones_like.default, aten.new_ones.default), ones),
    aten.real.default: lambda b, x: x.re,
    aten.abs.default: real_of(Number.length),
    aten.add.Tensor: add,
    aten.add.Scalar: add,
    aten.sub.Tensor: sub,
    aten.sub.Scalar: sub,
    aten.rsub.Tensor: rsub,
    aten.rsub.Scalar: rsub,
    aten.mul.Tensor: formula(lambda x, y: x * y, 2),
    aten.mul.Scalar: formula(lambda x, y: x * y, 2),
    aten.div.Tensor: formula(lambda x, y: x / y, 2),
    aten.div.Scalar: formula(lambda x, y: x / y, 2),
    aten.reciprocal.default: formula(lambda x: Number(1.0) / x),
    aten.square.default: formula(lambda x: x * x),
    aten.pow.Tensor_Scalar: formula(power),
    aten.exp.default: formula(exponential),
    aten.log.default: formula(logarithm),
    aten.sqrt.default: formula(root),
    aten.sgn.default: formula(direction),
    aten.rsqrt.default: formula(lambda x: Number(1.0) / root(x)),
    aten.sin.default: formula(sine),
    aten.cos.default: formula(cosine),
    aten.pow.Tensor_Tensor: formula(lambda x, y: exponential(logarithm(x) * y), 2),
    aten.addcmul.default: addcmul,
    aten.eq.Tensor: equal,
    aten.eq.Scalar: equal,
    aten.ne.Tensor: not_equal,
    aten.ne.Scalar: not_equal,
    aten.einsum.default: einsum,
    aten.addmm.default: addmm,
    aten.baddbmm.default: addmm,
    aten.vdot.default: vdot,
    aten.linalg_vector_norm.default: norm,
}

ON_COMPLEX |= aliases(
    ON_COMPLEX,
    {aten.multiply: aten.mul, aten.divide: aten.div, aten.true_divide: aten.div, aten.subtract: aten.sub},
)

# Operators that move numbers, or add them up: see by_parts.
_BY_PARTS = frozenset(
    {
        *(*shape.LOWERINGS, *slicing.LOWERINGS, *join.LOWERINGS, *pad.LOWERINGS, *create.LOWERINGS),
        *(aten.index.Tensor, aten._unsafe_index.Tensor, aten.index_select.default, aten.gather.default),
        *(aten.take.default, aten.take_along_dim.default, aten.masked_select.default, aten.embedding.default),
        *(aten.scatter.src, aten.scatter.value, aten.scatter_add.default, aten.index_put.default),
        *(aten._unsafe_index_put.default, aten.index_add.default, aten.index_copy.default),
        *(aten.where.self, aten.where.ScalarOther, aten.where.ScalarSelf, aten.where.Scalar),
        *(aten.masked_fill.Scalar, aten.masked_fill.Tensor, aten.masked_scatter.default, aten.copy.default),
        *(aten.neg.default, aten.sum.default, aten.sum.dim_IntList, aten.mean.default, aten.mean.dim),
        aten.cumsum.default,
    }
)
