"""Special functions against PyTorch's, over all their branches; floats taken apart."""

from __future__ import annotations

from math import inf, nan

import torch

from tests.frontends.torch.ops.inputs import normal, positive
from tests.harness import Case, cases, check

special = torch.special
X = normal(300, scale=4.0)
POSITIVE = positive(300, low=0.01, high=30.0)
PROBABILITY = positive(300, low=1e-6, high=1 - 1e-6)
ENDS = torch.tensor([0.0, -1.0, -2.0, 1.0, 2.0, 0.5, -0.5, 8.0, 5.0, 3.0, 6.0])

CASES = [
    Case("lgamma", torch.lgamma, [X]),
    Case("lgamma_poles", torch.lgamma, [ENDS], draws=0),
    Case("digamma", torch.digamma, [X]),
    Case("digamma_poles", torch.digamma, [ENDS], draws=0),
    Case("mvlgamma", lambda x: torch.mvlgamma(x, 3), [positive(50, low=1.1, high=20.0)]),
    Case(
        "polygamma", lambda x: (torch.polygamma(0, x), torch.polygamma(1, x), torch.polygamma(2, x)), [POSITIVE + 0.5]
    ),
    Case("zeta", special.zeta, [positive(40, low=1.1, high=6.0), positive(40, low=0.3, high=9.0)]),
    Case("zeta_poles", lambda q: (special.zeta(2.0, q), special.zeta(1.0, q)), [ENDS], draws=0),
    Case("zeta_domain", lambda s: special.zeta(s, 2.0), [torch.tensor([0.5, 1.0, 1.5, -2.0])], draws=0),
    Case("i0", lambda x: (torch.i0(x), special.i0e(x), special.modified_bessel_i0(x)), [X]),
    Case("i1", lambda x: (special.i1(x), special.i1e(x), special.modified_bessel_i1(x)), [X]),
    Case("k0", lambda x: (special.modified_bessel_k0(x), special.scaled_modified_bessel_k0(x)), [POSITIVE]),
    Case("k1", lambda x: (special.modified_bessel_k1(x), special.scaled_modified_bessel_k1(x)), [POSITIVE]),
    Case("j", lambda x: (special.bessel_j0(x), special.bessel_j1(x), special.spherical_bessel_j0(x)), [X]),
    Case("y", lambda x: (special.bessel_y0(x), special.bessel_y1(x)), [POSITIVE]),
    Case("bessel_ends", lambda x: (special.bessel_y0(x), special.bessel_y1(x)), [ENDS], draws=0),
    Case("erfcx", special.erfcx, [normal(200)]),
    Case("log_ndtr", special.log_ndtr, [X]),
    Case("ndtri", special.ndtri, [PROBABILITY]),
    Case("ndtri_ends", special.ndtri, [torch.tensor([0.0, 1.0, 0.5, 1e-7, 1e-9, 1e-20, 1e-30, 1 - 1e-7])], draws=0),
    Case("frexp", torch.frexp, [X * 1000]),
    Case("frexp_ends", torch.frexp, [torch.tensor([0.0, 1.0, -1.0, inf, -inf, 2.0**-126, 3e38])], draws=0),
    Case("nextafter", torch.nextafter, [normal(30), normal(30)]),
    Case(
        "nextafter_ends",
        torch.nextafter,
        [torch.tensor([0.0, 0.0, 1.0, nan]), torch.tensor([1.0, -1.0, 1.0, 0.0])],
        draws=0,
    ),
]


@cases(CASES)
def test_special(case: Case) -> None:
    check(case)
