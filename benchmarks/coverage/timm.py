"""The smallest network of every family of timm: a family is a module of timm.models."""

from __future__ import annotations

from benchmarks.network import Table

NETWORKS: Table = {}
