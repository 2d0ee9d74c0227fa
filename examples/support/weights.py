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
