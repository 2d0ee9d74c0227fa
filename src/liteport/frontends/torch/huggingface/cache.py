"""A key/value cache of fixed length whose tensors go in and come out: what a language model needs to be one graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import (
    Cache,
    CacheLayerMixin,
    DummyLayer,
    StaticCache,
    StaticLayer,
    StaticSlidingWindowLayer,
)

from liteport.errors import UnsupportedError
from liteport.frontends.torch.huggingface.models import parameters_of
from liteport.frontends.torch.ops.block import put_block


def cache_argument(model: Any) -> str:
    """The parameter of the model's forward that takes its cache."""
    return "cache" if "cache" in parameters_of(model) else "past_key_values"


# Layers whose states are keys and values by position, or nothing.
_KINDS = (StaticLayer, StaticSlidingWindowLayer, DummyLayer)


class FixedLayer(CacheLayerMixin):
    """A layer's keys [B, G, S, D] and values [B, G, E, S], of which those before `position`, a number, are written.

    Both stand as LiteRT's products take them: values [S, E] would be transposed at every step, at three times the
    cost of the step. A layer with a sliding window keeps the whole sequence too: the attention mask hides what lies
    before the window.
    """

    is_compileable = True

    def __init__(self, keys: Tensor, values: Tensor, position: Tensor, is_sliding: bool) -> None:
        super().__init__()
        self.keys, self.values, self.position, self.is_sliding = keys, values, position, is_sliding
        self.is_initialized = True

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Nothing to do: the tensors are there."""

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Writes the new keys and values from `position` on; the whole cache, to be attended to."""
        self.keys = put_block(self.keys, key_states, 2, self.position)
        self.values = put_block(self.values, value_states.transpose(2, 3), 3, self.position)
        return self.keys, self.values.transpose(2, 3)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """How many keys attention sees, and which is the first."""
        return self.keys.shape[2], 0

    def get_seq_length(self) -> Any:
        """How many are written: a tensor, for the graph to depend on."""
        return self.position

    def get_max_length(self) -> int:
        """How many there is room for."""
        return self.keys.shape[2]


@dataclass(frozen=True)
class Slot:
    """What one layer keeps: [batch, groups, length] keys of one size and values of another."""

    batch: int
    groups: int
    key: int
    value: int
    is_sliding: bool


class Layout:
    """The layers of a model and what they keep: found out by running it on one token."""

    def __init__(self, model: Any, batch: int, length: int) -> None:
        """Raises UnsupportedError where a layer keeps another kind of state."""
        name = type(model).__name__
        if model.config.is_encoder_decoder:
            raise UnsupportedError(f"{name} has an encoder: pass encoder and decoder to convert() as entry points")
        cache = StaticCache(config=model.config, max_cache_len=length)
        strange = {type(layer).__name__ for layer in cache.layers if type(layer) not in _KINDS}
        if strange:
            raise UnsupportedError(f"{name} keeps states of other kinds than keys and values ({', '.join(strange)})")
        with torch.no_grad():
            model(torch.zeros(batch, 1, dtype=torch.int64), **{cache_argument(model): cache}, use_cache=True)
        self.length = length
        self.slots = [None if isinstance(layer, DummyLayer) else _slot(layer) for layer in cache.layers]

    def zeros(self) -> dict[str, Tensor]:
        """An empty cache: key_0, value_0, key_1 ..."""
        cache: dict[str, Tensor] = {}
        for i, slot in self._kept():
            cache[f"key_{i}"] = torch.zeros(slot.batch, slot.groups, self.length, slot.key)
            cache[f"value_{i}"] = torch.zeros(slot.batch, slot.groups, slot.value, self.length)
        return cache

    def bind(self, tensors: Mapping[str, Tensor], position: Tensor) -> Cache:
        """The cache as transformers' models take it."""
        layers: list[Any] = [DummyLayer() for _ in self.slots]
        for i, slot in self._kept():
            layers[i] = FixedLayer(tensors[f"key_{i}"], tensors[f"value_{i}"], position, slot.is_sliding)
        return Cache(layers=layers)

    def tensors(self, cache: Cache) -> dict[str, Tensor]:
        """The opposite of `bind`."""
        out: dict[str, Tensor] = {}
        for i, _ in self._kept():
            out |= {f"key_{i}": cache.layers[i].keys, f"value_{i}": cache.layers[i].values}
        return out

    def _kept(self) -> Iterator[tuple[int, Slot]]:
        yield from ((i, slot) for i, slot in enumerate(self.slots) if slot is not None)


def _slot(layer: StaticLayer) -> Slot:
    batch, groups, _, size = layer.keys.shape
    return Slot(batch, groups, size, layer.values.shape[3], layer.is_sliding)
