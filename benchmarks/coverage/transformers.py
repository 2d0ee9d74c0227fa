"""Architectures of Hugging Face transformers, with small configurations."""

from __future__ import annotations

from benchmarks.network import Table

NETWORKS: Table = {}
