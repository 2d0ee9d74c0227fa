"""Special functions: gamma and its kin, Bessel functions, scaled errors, floats taken apart."""

from __future__ import annotations

from collections.abc import Callable

import torch

from liteport.frontends.torch.context import Table, TorchBuilder
from liteport.frontends.torch.ops._common import Operand, aliases, computed, terms
from liteport.ir.graph import Value
from liteport.ir.types import DType
from liteport.lowering import special
from liteport.lowering.formula import Term
from liteport.lowering.operands import convert

aten = torch.ops.aten


def polygamma(b: TorchBuilder, n: int, x: Value) -> Value:
    """polygamma(int n, Tensor self) -> Tensor"""
    return special.polygamma(n, *terms(b, x, dtype=DType.FLOAT32)).value


def zeta(b: TorchBuilder, x: Operand, other: Operand) -> Value:
    """special_zeta(Tensor self, Tensor other) -> Tensor; likewise with a Scalar on either side."""
    if isinstance(x, Value):
        return special.zeta(*terms(b, x, other, dtype=DType.FLOAT32)).value
    (q,) = terms(b, other, dtype=DType.FLOAT32)
    return special.zeta(q * 0.0 + float(x), q).value


def frexp(b: TorchBuilder, x: Value) -> tuple[Value, Value]:
    """frexp.Tensor(Tensor self) -> (Tensor mantissa, Tensor exponent)"""
    mantissa, exponent = special.frexp(Term(b, x))
    return mantissa.value, convert(b, exponent.value, b.results[1].dtype)


_OF_ONE: dict[Callable[..., Term], tuple[object, ...]] = {
    special.lgamma: (aten.lgamma.default,),
    special.digamma: (aten.digamma.default,),
    special.i0: (aten.i0.default, aten.special_modified_bessel_i0.default),
    special.i0e: (aten.special_i0e.default,),
    special.i1: (aten.special_i1.default, aten.special_modified_bessel_i1.default),
    special.i1e: (aten.special_i1e.default,),
    special.k0: (aten.special_modified_bessel_k0.default,),
    special.k0e: (aten.special_scaled_modified_bessel_k0.default,),
    special.k1: (aten.special_modified_bessel_k1.default,),
    special.k1e: (aten.special_scaled_modified_bessel_k1.default,),
    special.j0: (aten.special_bessel_j0.default,),
    special.j1: (aten.special_bessel_j1.default,),
    special.y0: (aten.special_bessel_y0.default,),
    special.y1: (aten.special_bessel_y1.default,),
    special.spherical_j0: (aten.special_spherical_bessel_j0.default,),
    special.erfcx: (aten.special_erfcx.default,),
    special.log_ndtr: (aten.special_log_ndtr.default,),
    special.ndtri: (aten.special_ndtri.default,),
}

LOWERINGS: Table = {
    **{overload: computed(function) for function, overloads in _OF_ONE.items() for overload in overloads},
    aten.polygamma.default: polygamma,
    aten.special_zeta.default: zeta,
    aten.special_zeta.self_scalar: zeta,
    aten.special_zeta.other_scalar: zeta,
    aten.frexp.Tensor: frexp,
    aten.nextafter.default: computed(special.nextafter, 2),
}

LOWERINGS |= aliases(
    LOWERINGS,
    {
        aten.special_gammaln: aten.lgamma,
        aten.special_digamma: aten.digamma,
        aten.special_psi: aten.digamma,
        aten.special_polygamma: aten.polygamma,
        aten.special_i0: aten.i0,
    },
)
