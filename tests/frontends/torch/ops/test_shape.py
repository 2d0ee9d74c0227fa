"""Views, permutations, expansions and diagonals against PyTorch."""

from __future__ import annotations

import torch

from tests.frontends.torch.ops.inputs import bools, ints, normal
from tests.harness import Case, cases, check

X = normal(2, 3, 4)
LONG = normal(2, 1, 2, 1, 2, 3, 2)

REGROUPED = [
    Case("view", lambda x: x.view(6, -1), [X], ops=["RESHAPE"]),
    Case("view-same", lambda x: x.view(2, 3, 4) + 1, [X], ops=["ADD"]),
    Case("view-as", lambda x, y: x.view_as(y) + y, [X, normal(4, 6)]),
    Case("reshape-after-transpose", lambda x: x.transpose(0, 1).reshape(3, 8), [X], ops=["TRANSPOSE", "RESHAPE"]),
    Case("reshape-as", lambda x, y: x.reshape_as(y) + y, [X, normal(24)]),
    Case("reshape-int64", lambda x: x.reshape(-1), [ints(3, 4)]),
    Case("reshape-bool", lambda x: x.reshape(4, 3), [bools(3, 4)]),
    Case("reshape-to-0d", lambda x: x.reshape(()), [normal(1, 1)]),
    Case("reshape-of-0d", lambda x: x.reshape(1, 1), [torch.tensor(2.5)]),
    Case("reshape-empty", lambda x: x.reshape(4, 0), [normal(0, 3)]),
    Case("flatten", lambda x: x.flatten(1), [X]),
    Case("flatten-middle", lambda x: x.flatten(-2, -1), [X]),
    Case("flatten-0d", lambda x: x.flatten(), [torch.tensor(2.5)]),
    Case("nn.Flatten", torch.nn.Flatten(), [X]),
    Case("unflatten", lambda x: x.unflatten(-1, (2, 2)), [X]),
    Case("unflatten-guess", lambda x: x.unflatten(1, (-1, 1)), [X]),
    Case("squeeze", lambda x: x.squeeze(), [normal(1, 3, 1)]),
    Case("squeeze-0d", lambda x: x.squeeze(0) + 1, [torch.tensor(2.5)]),
    Case("squeeze-dim", lambda x: x.squeeze(-1), [normal(1, 3, 1)]),
    Case("squeeze-not-1", lambda x: x.squeeze(1) + 1, [normal(1, 3, 1)], ops=["ADD"]),
    Case("squeeze-dims", lambda x: x.squeeze((0, -1)), [normal(1, 3, 1)]),
    Case("unsqueeze", lambda x: x.unsqueeze(1), [X]),
    Case("unsqueeze-end", lambda x: x.unsqueeze(-1), [X]),
    Case("unsqueeze-0d", lambda x: x.unsqueeze(0), [torch.tensor(2.5)]),
    Case("ravel", lambda x: x.ravel(), [X]),
    Case("atleast-1d", torch.atleast_1d, [torch.tensor(2.5)]),
    Case("atleast-2d", torch.atleast_2d, [normal(3)]),
    Case("atleast-3d", torch.atleast_3d, [normal(2, 3)]),
    Case("atleast-3d-of-1d", torch.atleast_3d, [normal(3)]),
    Case("atleast-2d-list", lambda x, y: torch.atleast_2d(x, y), [normal(3), normal(2, 2)]),
    Case("None-and-ellipsis", lambda x: x[None, ..., None], [X]),
    Case("clone", lambda x: x.clone() + x.detach() + x.contiguous() + x.real, [X], ops=["ADD", "ADD", "ADD"]),
]

PERMUTED = [
    Case("permute", lambda x: x.permute(2, 0, 1), [X], ops=["TRANSPOSE"]),
    Case("permute-negative", lambda x: x.permute(-1, 0, -2), [X]),
    Case("permute-identity", lambda x: x.permute(0, 1, 2) + 1, [X], ops=["ADD"]),
    Case("permute-int64", lambda x: x.permute(1, 0), [ints(3, 4)]),
    Case("permute-bool", lambda x: x.permute(1, 0), [bools(3, 4)]),
    Case("permute-0d", lambda x: x.permute(()) + 1, [torch.tensor(2.5)]),
    Case("permute-7d", lambda x: x.permute(6, 4, 5, 0, 1, 2, 3), [LONG]),
    Case("permute-empty", lambda x: x.permute(1, 0), [normal(0, 3)]),
    Case("transpose", lambda x: x.transpose(0, -1), [X]),
    Case("transpose-0d", lambda x: x.transpose(0, -1) + 1, [torch.tensor(2.5)]),
    Case("swapaxes", lambda x: x.swapaxes(0, 1), [X]),
    Case("swapdims", lambda x: x.swapdims(2, 0), [X]),
    Case("t", lambda x: x.t(), [normal(2, 3)]),
    Case("t-1d", lambda x: x.t() + 1, [normal(3)]),
    Case("T", lambda x: x.T, [normal(2, 3)]),
    Case("mT", lambda x: x.mT, [X]),
    Case("mH", lambda x: x.mH, [X]),
    Case("H", lambda x: x.H, [normal(2, 3)]),
    Case("adjoint", lambda x: x.adjoint(), [X]),
    Case("movedim", lambda x: x.movedim(0, -1), [X]),
    Case("movedim-list", lambda x: x.movedim((0, -1), (1, 0)), [X]),
    Case("moveaxis", lambda x: torch.moveaxis(x, 2, 0), [X]),
    Case("moveaxis-list", lambda x: torch.moveaxis(x, (1, 0), (-1, 1)), [X]),
]

EXPANDED = [
    Case("expand", lambda x: x.expand(-1, 5, 4), [normal(2, 1, 4)], ops=["TILE"]),
    Case("expand-new-dims", lambda x: x.expand(2, 3, 4), [normal(4)]),
    Case("expand-0d", lambda x: x.expand(2, 3), [torch.tensor(2.5)]),
    Case("expand-int64", lambda x: x.expand(3, 4), [ints(3, 1)]),
    Case("expand-bool", lambda x: x.expand(3, 4), [bools(3, 1)]),
    Case("expand-zero", lambda x: x.expand(0, 4), [normal(1, 4)]),
    Case("expand-as", lambda x, y: x.expand_as(y) * y, [normal(1, 4), X]),
    Case("broadcast-to", lambda x: x.broadcast_to(5, 3, 4), [normal(3, 1)]),
    Case("broadcast-tensors", lambda x, y: torch.broadcast_tensors(x, y), [normal(3, 1), normal(4)]),
    Case("meshgrid-ij", lambda x, y: torch.meshgrid(x, y, indexing="ij"), [normal(3), normal(4)]),
    Case("meshgrid-xy", lambda x, y, z: torch.meshgrid(x, y, z, indexing="xy"), [normal(3), normal(4), normal(2)]),
    Case("meshgrid-0d", lambda x, y: torch.meshgrid(x, y, indexing="ij"), [torch.tensor(1.5), ints(4).float()]),
    Case("meshgrid-int64", lambda x, y: torch.meshgrid(x, y, indexing="xy"), [ints(3), ints(2)]),
    Case("cartesian-prod", torch.cartesian_prod, [normal(3), normal(2), normal(4)]),
    Case("cartesian-prod-one", lambda x: torch.cartesian_prod(x) + 1, [normal(3)]),
    Case("copy", lambda x, y: torch.ops.aten.copy(x, y), [X, normal(3, 1)]),
    Case("copy-converts", lambda x, y: torch.ops.aten.copy(x, y), [X, ints(4)]),
]


def _written(y: torch.Tensor) -> torch.Tensor:
    """What as_strided reads has been written through a view."""
    view = y[1:]
    view.add_(1)
    return view.as_strided((9,), (2,), 0)


WINDOWS = [
    Case(
        "as_strided",
        lambda x: x.relu().as_strided((2, 3, 4), (6, 2, 1)),
        [normal(3, 6)],
        ops=["RELU", "RESHAPE", "GATHER"],
    ),
    Case("view_of", lambda x: (torch.ops.prims.view_of(x) + 1, torch.ops.aten.numel(x)), [normal(3, 6)]),
    Case("as_strided-offset", lambda x: x.as_strided((4,), (2,), 3), [normal(3, 6)]),
    Case("as_strided-view", lambda x: x.t().as_strided((4,), (2,)), [normal(3, 6)]),
    Case("as_strided-inside", lambda x: x[1:].relu()[1:].as_strided((4,), (2,), 1), [normal(4, 6)]),
    Case("as_strided-at-view", lambda x: x.relu()[1:].split(1)[1].t().as_strided((2, 3), (3, 2)), [normal(4, 9)]),
    Case("as_strided-expanded", lambda x: x.exp().expand(2, 3, 6)[:, 1].as_strided((2, 3), (0, 1)), [normal(3, 6)]),
    Case("as_strided-order", lambda x: x.t().exp().as_strided((4, 2), (2, 5)), [normal(3, 6)]),
    Case("as_strided-written", lambda x: _written(x.exp()), [normal(3, 6)]),
    Case("as_strided-gaps", lambda x: x.as_strided((4,), (2,)), [normal(6, 3).t()], error="call x.contiguous"),
    Case("as_strided-beyond", lambda x: x.as_strided((4,), (3,)), [normal(3, 6)[:1]], error="of the whole tensor"),
    Case("unfold", lambda x: x.unfold(2, 2, 1), [X]),
    Case("unfold-first", lambda x: x.unfold(0, 3, 2), [normal(8, 3)]),
    Case("unfold-blocks", lambda x: x.unfold(1, 2, 2), [normal(2, 7, 3)], ops=["SLICE", "RESHAPE", "TRANSPOSE"]),
    Case("unfold-gaps", lambda x: x.unfold(1, 2, 3), [normal(2, 8, 3)]),
    Case("unfold-whole", lambda x: x.unfold(-1, 4, 1), [X]),
    Case("unfold-twice", lambda x: x.unfold(1, 2, 2).unfold(2, 2, 2), [normal(1, 4, 6)]),
    Case("unfold-int64", lambda x: x.unfold(0, 2, 1), [ints(5)]),
    Case("unfold-0d", lambda x: x.unfold(0, 1, 1), [torch.tensor(2.5)]),
    Case("diagonal", lambda x: x.diagonal(), [normal(4, 4)]),
    Case("diagonal-above", lambda x: x.diagonal(1), [normal(3, 5)]),
    Case("diagonal-below", lambda x: x.diagonal(-2), [normal(4, 3)]),
    Case("diagonal-tall", lambda x: x.diagonal(), [normal(5, 2)]),
    Case("diagonal-none", lambda x: x.diagonal(7), [normal(3, 5)]),
    Case("diagonal-dims", lambda x: x.diagonal(1, 2, 0), [X]),
    Case("diagonal-batch", lambda x: x.diagonal(0, -2, -1), [X]),
    Case("diagonal-int64", lambda x: x.diagonal(), [ints(3, 4)]),
    Case("diagonal-bool", lambda x: x.diagonal(), [bools(3, 4)]),
    Case("diag-1d", torch.diag, [normal(3)]),
    Case("diag-1d-above", lambda x: torch.diag(x, 2), [normal(3)]),
    Case("diag-2d", torch.diag, [normal(3, 4)]),
    Case("diag-2d-below", lambda x: torch.diag(x, -1), [normal(3, 4)]),
    Case("diagflat", lambda x: torch.diagflat(x, -1), [normal(2, 2)]),
    Case("diag-embed", torch.diag_embed, [X], ops=["RESHAPE", "MATRIX_DIAG", "RESHAPE"]),
    Case("diag-embed-above", lambda x: torch.diag_embed(x, 1), [X]),
    Case("diag-embed-dims", lambda x: torch.diag_embed(x, -2, 0, 2), [normal(2, 3)]),
    Case("diag-embed-nan", torch.diag_embed, [torch.tensor([1.0, torch.nan, torch.inf])]),
    Case("diag-embed-int64", torch.diag_embed, [ints(2, 3)]),
    Case("diag-embed-bool", lambda x: torch.diag_embed(x, 1), [bools(2, 3)]),
    Case("diag-embed-uint8", lambda x: torch.diag_embed(x, 1), [torch.arange(3, dtype=torch.uint8)]),
    Case("diag-embed-6d", torch.diag_embed, [normal(2, 1, 2, 1, 2, 3)]),
    Case("diag-embed-empty", lambda x, y: torch.diag_embed(x, 2) + y, [normal(0), normal(1)]),
    Case("diagonal-scatter", lambda x, y: x.diagonal_scatter(y), [normal(4, 4), normal(4)]),
    Case("diagonal-scatter-dims", lambda x, y: x.diagonal_scatter(y, -1, 2, 0), [X, normal(3, 2)]),
    Case("diagonal-scatter-int64", lambda x, y: x.diagonal_scatter(y, -1), [ints(3, 4), ints(2)]),
]


@cases(REGROUPED + PERMUTED + EXPANDED + WINDOWS)
def test_shape(case):
    check(case)
