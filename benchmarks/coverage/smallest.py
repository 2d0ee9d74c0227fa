"""Prints the table of benchmarks/coverage/timm.py: of every family of timm, the network with the fewest parameters.

python -m benchmarks.coverage.smallest takes some minutes: it builds every network there is, without memory for weights
where that can be done.
"""

from __future__ import annotations

from typing import Any

import torch


def smallest() -> dict[str, tuple[str, int]]:
    """By family, its smallest network and the number of its parameters; of equals the first by name."""
    from examples.support.torchvision_cpu import torchvision  # noqa: F401 before timm
    import timm  # isort: skip

    found: dict[str, tuple[str, int]] = {}
    for family in timm.list_modules():
        for name in sorted(timm.list_models(module=family, exclude_filters="test_*")):
            size = sum(p.numel() for p in _built(timm, name).parameters())
            if family not in found or size < found[family][1]:
                found[family] = (name, size)
    return found


def _built(timm: Any, name: str) -> torch.nn.Module:
    try:
        with torch.device("meta"):
            return timm.create_model(name)
    except (NotImplementedError, RuntimeError):  # it computes with its own weights
        return timm.create_model(name)


if __name__ == "__main__":
    for family, (name, size) in sorted(smallest().items(), key=lambda item: item[1][1]):
        print(f'    "{family}": "{name}",  # {size / 1e6:.1f} M')
