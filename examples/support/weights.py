"""Weights without a download: random, seeded, and with batch-norm statistics like those of a trained network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

_FEW = 16  # elements: too few for a channel's mean and variance
_QUIET = 0.1  # of the channels' mean variance: what is taken for that of a channel which the examples leave still


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


def settled(module: nn.Module, examples: Sequence[tuple[Sequence[Any], Mapping[str, Any]]]) -> nn.Module:
    """`module` with batch-norm statistics near those of what it normalises on `examples`, as training leaves them.

    With any others a deep network blows its activations up, or makes them vanish, and rounding with them; those of one
    input do so on others. The means lie a deviation low, so that most units are on: at the middle, every layer of
    random weights makes more of a small difference between two inputs, and after a hundred layers rounding is all
    that is left.
    """
    layers = [layer for layer in module.modules() if isinstance(getattr(layer, "running_var", None), torch.Tensor)]
    hooks = [layer.register_forward_pre_hook(_measure) for layer in layers]
    with torch.no_grad():
        for args, kwargs in _together(examples) if layers else ():
            module(*args, **kwargs)
    for hook in hooks:
        hook.remove()
    return module


def _together(
    examples: Sequence[tuple[Sequence[Any], Mapping[str, Any]]],
) -> Sequence[tuple[Sequence[Any], Mapping[str, Any]]]:
    """The examples as one batch, where each is nothing but tensors of one sample."""
    leaves = [[*args, *kwargs.values()] for args, kwargs in examples]
    if not all(isinstance(x, torch.Tensor) and x.dim() > 1 and len(x) == 1 for each in leaves for x in each):
        return examples
    args = [torch.cat(parts) for parts in zip(*(args for args, _ in examples), strict=True)]
    return [(args, {name: torch.cat([kwargs[name] for _, kwargs in examples]) for name in examples[0][1]})]


def _measure(layer: nn.Module, inputs: tuple[Any, ...]) -> None:
    """Sets the statistics near those of this input [N, C, ...]; of few elements a channel, to those of all."""
    channels = inputs[0].transpose(0, 1).flatten(1)
    if channels.shape[1] < _FEW:
        channels = channels.reshape(1, -1)
    mean, variance = channels.mean(1), channels.var(1, correction=0)
    variance.clamp_(min=_QUIET * float(variance.mean()) + 1e-6)
    shape = layer.running_var.shape
    layer.running_mean.copy_(mean + variance.sqrt() * torch.empty(shape).normal_(-1, 0.1))
    layer.running_var.copy_(variance * torch.empty(shape).uniform_(0.75, 1.25))


def _vary(parameter: torch.Tensor) -> None:
    if parameter.flatten()[0] == 1:
        parameter.uniform_(0.75, 1.25)
    elif parameter.dim() > 1 and parameter.shape[0] > 1:
        parameter.normal_(0, parameter[0].numel() ** -0.5)
    else:
        parameter.normal_(0, 0.1)
