"""What recurrent layers return, told without running them.

torch.export works the shapes of its values out by PyTorch's own decompositions, and that of a recurrent layer goes
through all steps: 15 seconds for 300 of them, and never at a number of steps that is left open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

aten = torch.ops.aten

_LAYERS = (aten.lstm.input, aten.gru.input, aten.rnn_tanh.input, aten.rnn_relu.input)


@contextmanager
def recurrent_shapes() -> Iterator[None]:
    """Within it, tensors without data go through recurrent layers by `layer`."""
    saved = [(op, dict(op.py_kernels)) for op in _LAYERS]
    try:
        for op, kernels in saved:
            _set(op, dict.fromkeys(kernels, layer))
        yield
    finally:
        for op, kernels in saved:
            _set(op, kernels)


def _set(op: Any, kernels: dict[Any, Any]) -> None:
    op.py_kernels.clear()
    op.py_kernels.update(kernels)
    op._dispatch_cache.clear()


def layer(
    x: torch.Tensor,
    hx: torch.Tensor | Sequence[torch.Tensor],
    params: Sequence[torch.Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[torch.Tensor, ...]:
    """Empty tensors: the outputs, of the first two dimensions of x, and the last states, of the shapes of the first."""
    states = [hx] if isinstance(hx, torch.Tensor) else list(hx)
    directions = 2 if bidirectional else 1
    outputs = x.new_empty((*x.shape[:2], directions * states[0].shape[2]))
    return (outputs, *(state.new_empty(state.shape) for state in states))
