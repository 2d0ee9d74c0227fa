"""Every activation of torch.nn: with its options, on tensors of several ranks, and far from zero."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.frontends.torch.ops.inputs import ints, normal
from tests.harness import Case, cases, check

ACTIVATIONS: dict[str, nn.Module] = {
    "relu": nn.ReLU(),
    "relu6": nn.ReLU6(),
    "hardtanh": nn.Hardtanh(),
    "hardtanh_wide": nn.Hardtanh(-2.5, 0.5),
    "hardswish": nn.Hardswish(),
    "hardsigmoid": nn.Hardsigmoid(),
    "silu": nn.SiLU(),
    "mish": nn.Mish(),
    "gelu": nn.GELU(),
    "gelu_tanh": nn.GELU("tanh"),
    "elu": nn.ELU(),
    "elu_alpha": nn.ELU(0.7),
    "celu": nn.CELU(),
    "celu_alpha": nn.CELU(1.7),
    "selu": nn.SELU(),
    "leaky_relu": nn.LeakyReLU(),
    "leaky_relu_slope": nn.LeakyReLU(0.3),
    "leaky_relu_steep": nn.LeakyReLU(1.5),
    "prelu": nn.PReLU(),
    "prelu_channels": nn.PReLU(3),
    "rrelu": nn.RReLU(),
    "softplus": nn.Softplus(),
    "softplus_options": nn.Softplus(2.0, 1.0),
    "softplus_beta": nn.Softplus(0.3),
    "softsign": nn.Softsign(),
    "softshrink": nn.Softshrink(),
    "softshrink_wide": nn.Softshrink(1.2),
    "hardshrink": nn.Hardshrink(),
    "tanhshrink": nn.Tanhshrink(),
    "threshold": nn.Threshold(0.1, 20),
    "log_sigmoid": nn.LogSigmoid(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "identity": nn.Sequential(nn.Identity(), nn.ReLU()),
}
ACTIVATIONS["prelu_channels"].weight.data = torch.tensor([0.25, -0.5, 2.0])


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4, 5)], ids=str)
def test_ordinary(name: str, shape: tuple[int, ...]) -> None:
    check(Case("", ACTIVATIONS[name], [normal(*shape, scale=3)]))


FAR = torch.tensor([[0.0, -0.0, 1e-6, -1e-6, 0.5, -0.5, 6, -3, 3, 20, -20, 88, -88, 100, -100, 1e4, -1e4]])


@pytest.mark.parametrize("name", [n for n in ACTIVATIONS if n != "prelu_channels"])
def test_far(name: str) -> None:
    """Each element by itself: the scale of a large one must not hide an error in a small one."""
    model = ACTIVATIONS[name]
    check(Case("", lambda x: tuple(model(x[:, i]) for i in range(x.shape[1])), [FAR], draws=0))


# A nan, and what stands beside infinities, goes through as in PyTorch.
KEEPS_NAN = ["relu", "relu6", "hardtanh", "hardtanh_wide", "leaky_relu", "elu", "threshold", "hardshrink", "softsign"]


@pytest.mark.parametrize("name", KEEPS_NAN)
def test_nan(name: str) -> None:
    check(
        Case(
            "", ACTIVATIONS[name], [torch.tensor([nan, 1.0, inf, -inf] if name != "softsign" else [nan, 1.0])], draws=0
        )
    )


CHANNELS = nn.PReLU(4)
CHANNELS.weight.data = torch.tensor([0.25, -0.5, 2.0, 0.0])
CASES: list[Any] = [
    *(Case(f"prelu_{rank}d", CHANNELS, [normal(2, 4, *range(2, rank))]) for rank in range(2, 7)),
    Case("prelu_vector", nn.PReLU(), [normal(5)]),
    Case("prelu_scalar", nn.PReLU(), [normal()]),
    Case("prelu_computed", lambda x, w: F.prelu(x, w * 2), [normal(2, 3, 4), normal(3)]),
    Case("glu", nn.GLU(), [normal(2, 3, 8)]),
    Case("glu_channels", nn.GLU(1), [normal(2, 8, 3, 3)]),
    Case("relu_int", lambda x: (F.relu(x), F.hardtanh(x, -2, 3), F.relu6(x)), [ints(9)]),
    Case(
        "inplace",
        nn.Sequential(nn.ReLU(inplace=True), nn.Hardswish(inplace=True)),
        [normal(4)],
        ops=["RELU", "HARD_SWISH"],
    ),
    Case("functional", lambda x: (F.selu(x), F.celu(x, 0.5), F.softsign(x), F.hardtanh(x, 0, 1)), [normal(9)]),
    Case("softmin", lambda x: F.softmin(x, 1), [normal(2, 3, 4)]),
    Case("rrelu_noise", lambda x: torch.ops.aten.rrelu_with_noise_functional(x, x.exp(), 0.4, 0.6), [normal(4)]),
    Case("rrelu_on", lambda x: F.rrelu(x, training=True), [normal(4)], error="training=self.training"),
    *(
        Case(f"{name}_ops", ACTIVATIONS[name], [normal(1, 3, 4)], ops=operators)
        for name, operators in {
            "relu": ["RELU"],
            "relu6": ["RELU6"],
            "hardtanh": ["RELU_N1_TO_1"],
            "hardswish": ["HARD_SWISH"],
            "gelu": ["GELU"],
            "gelu_tanh": ["GELU"],
            "elu": ["ELU"],
            "leaky_relu": ["LEAKY_RELU"],
            "prelu": ["PRELU"],
            "rrelu": ["LEAKY_RELU"],
            "silu": ["LOGISTIC", "MUL"],
        }.items()
    ),
]


@cases(CASES)
def test_forms(case: Case) -> None:
    check(case)
