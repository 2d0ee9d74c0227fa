"""The tables of networks, by the package that brings them."""

from __future__ import annotations

from importlib import import_module

from benchmarks.network import Table

SUITES = ("torchvision", "timm", "transformers")


def table(suite: str) -> Table:
    """The networks of a suite: NETWORKS of the module of its name in this package."""
    networks: Table = import_module(f"benchmarks.coverage.{suite}").NETWORKS
    return networks
