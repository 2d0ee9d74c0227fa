"""Weights without a download: random, seeded, and with batch-norm statistics like those of a trained network."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


def seeded(make: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """The module that `make` builds, in eval mode, with the same random weights at every run.

    A new batch norm has mean 0 and variance 1, which would hide mistakes in folding it: each gets
    means around 0 and variances around 1 instead.
    """
    torch.manual_seed(seed)
    module = make()
    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.75, 1.25)
    return module.eval()


def uneven(module: nn.Module) -> nn.Module:
    """`module` with random values in the parameters whose elements are all alike, as some are when they are new.

    A head or an attention bias of zeros, a layer scale of 1e-6 or a norm's scale of ones hides what is computed
    beside it, and mistakes in that: training would have moved them all.
    """
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.numel() > 1 and bool((parameter == parameter.flatten()[0]).all()):
                _vary(parameter)
    return module


def _vary(parameter: torch.Tensor) -> None:
    if parameter.flatten()[0] == 1:
        parameter.uniform_(0.75, 1.25)
    elif parameter.dim() > 1 and parameter.shape[0] > 1:
        parameter.normal_(0, parameter[0].numel() ** -0.5)
    else:
        parameter.normal_(0, 0.1)
