"""Matrix products of all ranks, linear layers, einsum, distances."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.frontends.torch.ops.inputs import ints, normal
from tests.harness import Case, cases, check

SHAPES = [
    *(((4,), (4,)), ((3, 4), (4,)), ((4,), (4, 5)), ((3, 4), (4, 5)), ((2, 3, 4), (4, 5)), ((3, 4), (2, 4, 5))),
    *(((2, 3, 4), (2, 4, 5)), ((2, 3, 4), (1, 4, 5)), ((2, 3, 4), (4,)), ((4,), (2, 4, 5)), ((2, 1, 3, 4), (6, 4, 5))),
    *(((2, 3, 2, 3, 4), (3, 2, 4, 5)), ((1, 2, 1, 2, 3, 4), (3, 1, 2, 2, 4, 5)), ((1, 1), (1, 1)), ((3, 0), (0, 2))),
]


@pytest.mark.parametrize(("x", "y"), SHAPES, ids=str)
def test_ranks(x: tuple[int, ...], y: tuple[int, ...]) -> None:
    check(Case("", torch.matmul, [normal(*x), normal(*y)]))


@pytest.mark.parametrize(("x", "y"), SHAPES, ids=str)
def test_constant_right(x: tuple[int, ...], y: tuple[int, ...]) -> None:
    weight = normal(*y)
    check(Case("", lambda x: x @ weight, [normal(*x)]))


@pytest.mark.parametrize(("x", "y"), SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.int8], ids=str)
def test_integers(x: tuple[int, ...], y: tuple[int, ...], dtype: torch.dtype) -> None:
    if dtype is torch.int64 or len(x) == 2 == len(y):
        check(Case("", torch.matmul, [ints(*x, dtype=dtype), ints(*y, dtype=dtype)]))


LARGE = ints(3, 4, low=-(2**31), high=2**31)
BIAS = {"bias": True, "no_bias": False}


@pytest.mark.parametrize("bias", BIAS.values(), ids=BIAS)
@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (2, 1, 3, 4), (2, 1, 2, 2, 4), (2, 1, 2, 1, 2, 4)], ids=str)
def test_linear(shape: tuple[int, ...], bias: bool) -> None:
    check(Case("", nn.Linear(4, 5, bias=bias), [normal(*shape)]))


X, M23, M34 = normal(2, 3, 4), normal(2, 3), normal(3, 4)
W45, W54, B5 = normal(4, 5), normal(5, 4), normal(5)
PRODUCTS: list[Any] = [
    Case("mm", torch.mm, [M23, M34], ops=["BATCH_MATMUL"]),
    Case(
        "int_mm",
        torch._int_mm,
        [ints(32, 16, low=-128, high=128, dtype=torch.int8), ints(16, 24, low=-128, high=128, dtype=torch.int8)],
    ),
    Case("bmm", torch.bmm, [X, normal(2, 4, 5)], ops=["BATCH_MATMUL"]),
    Case("mv", torch.mv, [M34, normal(4)]),
    Case("dot", lambda x, y: (torch.dot(x, y), torch.vdot(x, y), torch.inner(x, y)), [normal(4), normal(4)]),
    Case("outer", lambda x, y: (torch.outer(x, y), torch.ger(x, y)), [normal(3), normal(4)]),
    Case("outer_int", torch.outer, [ints(3), ints(4)]),
    Case("inner", torch.inner, [X, normal(5, 4)]),
    Case("inner_scalar", torch.inner, [X, torch.tensor(2.0)]),
    Case("int_large", lambda x: x @ x.T, [LARGE // 4]),
    Case(
        "addmm", lambda b, x, y: (torch.addmm(b, x, y), torch.addmm(b, x, y, beta=0.5, alpha=2)), [normal(4), M23, M34]
    ),
    Case(
        "addmm_beta_0", lambda b, x, y: torch.addmm(b, x, y, beta=0), [torch.full((4,), torch.nan), M23, M34], draws=0
    ),
    Case("addmm_matrix", torch.addmm, [normal(2, 4), M23, M34]),
    Case("addmv", lambda b, x, y: torch.addmv(b, x, y, beta=2), [normal(3), M34, normal(4)]),
    Case("baddbmm", lambda b, x, y: torch.baddbmm(b, x, y, beta=0.5, alpha=3), [normal(5), X, normal(2, 4, 5)]),
    Case("addbmm", lambda b, x, y: torch.addbmm(b, x, y, beta=0.5, alpha=3), [normal(5), X, normal(2, 4, 5)]),
    Case(
        "addr",
        lambda b, x, y: (torch.addr(b, x, y), torch.addr(b, x, y, alpha=2)),
        [normal(3, 4), normal(3), normal(4)],
    ),
    Case("vecdot", lambda x, y: (torch.linalg.vecdot(x, y), torch.linalg.vecdot(x, y, dim=1)), [X, normal(3, 4)]),
    Case(
        "cross",
        lambda x, y: (torch.linalg.cross(x, y), torch.cross(x, y, dim=2), x.cross(y, 0)),
        [normal(3, 2, 3), normal(3, 1, 3)],
    ),
    Case("cross_int", lambda x, y: torch.linalg.cross(x, y, dim=0), [ints(3, 4), ints(3, 4)]),
    Case("chain", lambda x, y: torch.linalg.multi_dot([x, y, y.T]), [M23, M34]),
    Case("kron", lambda x, y: (torch.kron(x, y), torch.kron(x, y[0])), [normal(2, 3), normal(2, 2)]),
    Case(
        "tensordot",
        lambda x, y: (torch.tensordot(x, y, 2), torch.tensordot(x, y, ([2, 1], [1, 0]))),
        [X, normal(3, 4, 5)],
    ),
    Case("bilinear", nn.Bilinear(4, 3, 5), [X, normal(2, 3, 3)]),
    Case("bilinear_no_bias", nn.Bilinear(4, 3, 5, bias=False), [normal(2, 4), normal(2, 3)]),
    Case("linear_ops", nn.Linear(4, 5), [X], ops=["FULLY_CONNECTED"]),
    Case("linear_computed", lambda x, w, b: F.linear(x, w * 2, b + 1), [X, normal(5, 4), normal(5)]),
    Case("linear_vector", F.linear, [X, normal(4)]),
    Case("linear_computed_bias", lambda x, b: F.linear(x, W54, b), [X, normal(5)]),
    Case(
        "addmm_constant_ops",
        lambda x: torch.addmm(B5, x, W45),
        [M34],
        ops=["FULLY_CONNECTED"],
    ),
    Case("matmul_constant_ops", lambda x: x @ W45, [X], ops=["FULLY_CONNECTED"]),
    Case("transposed_ops", lambda x, y: x @ y.transpose(1, 2), [X, normal(2, 5, 4)]),
]

EQUATIONS = {
    "ij,jk->ik": [(3, 4), (4, 5)],
    "bij,bjk->bik": [(2, 3, 4), (2, 4, 5)],
    "bij,bkj->bik": [(2, 3, 4), (2, 5, 4)],
    "bij,bkj": [(2, 3, 4), (2, 5, 4)],
    "bhid,bhjd->bhij": [(2, 3, 4, 5), (2, 3, 6, 5)],
    "bihd,bjhd->bhij": [(2, 4, 3, 5), (2, 6, 3, 5)],
    "bhij,bjhd->bihd": [(2, 3, 4, 6), (2, 6, 3, 5)],
    "nchw,cd->ndhw": [(2, 3, 4, 5), (3, 6)],
    "nctv,vw->nctw": [(2, 3, 4, 5), (5, 6)],
    "nkctv,kvw->nctw": [(2, 3, 4, 5, 6), (3, 6, 7)],
    "i,j->ij": [(3,), (4,)],
    "i,i->": [(3,), (3,)],
    "i,i->i": [(3,), (3,)],
    "ij->ji": [(3, 4)],
    "ij->": [(3, 4)],
    "ij->j": [(3, 4)],
    "ij": [(3, 4)],
    "ba": [(3, 4)],
    "ijk,k->ij": [(2, 3, 4), (4,)],
    "ij,ik->jk": [(3, 4), (3, 5)],
    "ij,ik->kj": [(3, 4), (3, 5)],
    "...ij,...jk->...ik": [(2, 1, 3, 4), (5, 4, 6)],
    "...i,oij,...j->...o": [(2, 3, 4), (5, 4, 6), (2, 3, 6)],
    "b...,b...->...b": [(2, 3, 4), (2, 3, 4)],
    "...": [(2, 3)],
    "ij,jk,kl->il": [(2, 3), (3, 4), (4, 5)],
    "abc,cd,ad->b": [(2, 3, 4), (4, 5), (2, 5)],
    "ij,kl->": [(2, 3), (4, 5)],
    "ijk,jl->li": [(2, 3, 4), (3, 5)],
    "ij,ij->ij": [(2, 1), (2, 3)],
    "ii->i": [(3, 3)],
    "ii": [(3, 3)],
    "iij,jk->ik": [(3, 3, 4), (4, 5)],
    "iii->i": [(3, 3, 3)],
    "ijij->ji": [(2, 3, 2, 3)],
    "ij,jk-> ik": [(3, 1), (4, 5)],
    "aBc,cB->Ba": [(2, 3, 4), (4, 3)],
}


@pytest.mark.parametrize("equation", EQUATIONS)
def test_einsum(equation: str) -> None:
    operands = [normal(*shape) for shape in EQUATIONS[equation]]
    check(Case("", lambda *xs: torch.einsum(equation, *xs), operands, tolerance=4e-6))


EINSUMS: list[Any] = [
    Case("int", lambda x, y: torch.einsum("bij,bkj->bik", x, y), [ints(2, 3, 4), ints(2, 5, 4)]),
    Case(
        "scores_ops",
        lambda x, y: torch.einsum("bhid,bhjd->bhij", x, y),
        [normal(1, 2, 3, 4), normal(1, 2, 5, 4)],
        ops=["RESHAPE", "RESHAPE", "BATCH_MATMUL", "RESHAPE"],
    ),
    Case("constant_ops", lambda x: torch.einsum("bij,jk->bik", x, W45), [X], ops=["FULLY_CONNECTED"]),
    Case(
        "constant_transposed_ops",
        lambda x: torch.einsum("bij,kj->bik", x, W54),
        [X],
        ops=["FULLY_CONNECTED"],
    ),
]

A, B = normal(4, 6), normal(4, 6)
DISTANCES: list[Any] = [
    Case("cosine", nn.CosineSimilarity(), [A, B]),
    Case("cosine_broadcast", nn.CosineSimilarity(-1), [normal(4, 1, 6), normal(5, 6)]),
    Case("cosine_zero", lambda x, y: F.cosine_similarity(x, y, 0), [torch.zeros(4, 2), normal(4, 2)], draws=0),
    Case("pairwise", lambda x, y: (F.pairwise_distance(x, y), F.pairwise_distance(x, y, 1, keepdim=True)), [A, B]),
    Case("pairwise_row", nn.PairwiseDistance(3.0), [A, normal(6)]),
    Case("cdist_forward", lambda x, y: torch.ops.aten._cdist_forward(x, y, 2.0, None), [normal(3, 4), normal(5, 4)]),
    Case("cdist", lambda x, y: [torch.cdist(x, y, p) for p in (1.0, 2.0, 3.0, 0.0, torch.inf)], [A, normal(5, 6)]),
    Case("cdist_batch", torch.cdist, [normal(2, 1, 4, 6), normal(3, 5, 6)]),
    # Both sides lose the same digits to |x|^2 + |y|^2 - 2xy, in another order.
    Case("cdist_many", torch.cdist, [normal(30, 6), normal(40, 6)], tolerance=2e-5),
    Case("dist", lambda x, y: (torch.dist(x, y), torch.dist(x, y, 1), torch.dist(x, y[0], torch.inf)), [A, B]),
    Case("normalize", lambda x: (F.normalize(x), F.normalize(x, 1.0, 0)), [A]),
]


@cases(PRODUCTS)
def test_products(case: Case) -> None:
    check(case)


@cases(EINSUMS)
def test_einsum_forms(case: Case) -> None:
    check(case)


@cases(DISTANCES)
def test_distances(case: Case) -> None:
    check(case)
