"""A causal language model of transformers as two entry points, `prefill` and `decode`, around its key/value cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from liteport.errors import UsageError
from liteport.frontends.torch.huggingface.cache import Layout, cache_argument
from liteport.frontends.torch.huggingface.models import is_pretrained, parameters_of


class Decoder(nn.Module):
    """A language model that takes and returns its cache: tensors key_0, value_0, key_1 ... of [B, G, length, D].

    `position` is the place in the sequence of the first of `tokens`: how many tokens the cache holds by then.
    """

    def __init__(self, model: Any, layout: Layout) -> None:
        super().__init__()
        self.model = model
        self.layout = layout

    def prefill(self, tokens: Tensor, position: Tensor, **cache: Tensor) -> dict[str, Tensor]:
        """The cache after `tokens` [B, N]. What comes after the end of a shorter prompt does no harm: it is never
        attended to, and later tokens overwrite it."""
        return self._run(tokens, position, cache)[1]

    def decode(self, tokens: Tensor, position: Tensor, **cache: Tensor) -> dict[str, Tensor]:
        """The scores of what follows the one token in `tokens` [B, 1], as logits [B, V], and the cache after it."""
        logits, cache = self._run(tokens, position, cache)
        return {"logits": logits[:, -1], **cache}

    def _run(self, tokens: Tensor, position: Tensor, cache: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        state = self.layout.bind(cache, position.long())
        known = {
            "attention_mask": torch.ones(tokens.shape[0], self.layout.length, dtype=torch.int64),
            "position_ids": (torch.arange(tokens.shape[1]) + position)[None],
        }
        taken = {name: value for name, value in known.items() if name in parameters_of(self.model)}
        caching = {cache_argument(self.model): state, "use_cache": True}
        return self.model(tokens.long(), **taken, **caching).logits, self.layout.tensors(state)


def entry_points(model: Any, prefill: int | Sequence[int], length: int, batch: int) -> dict[str, tuple[Any, ...]]:
    """The entry points of a decoder with example inputs: decode, and prefill (prefill_16, prefill_64 ... of several).

    Raises UsageError for what is no model of transformers or lengths that do not fit, UnsupportedError for one
    without a cache of keys and values.
    """
    if not is_pretrained(model):
        raise UsageError(f"a {type(model).__name__} is no model of transformers: a decoder is made of one for causal LM")
    lengths = [prefill] if isinstance(prefill, int) else sorted(set(prefill))
    if not lengths or lengths[0] < 1 or lengths[-1] > length:
        raise UsageError(f"a prefill of {prefill} tokens does not fit a cache of {length}")
    decoder = Decoder(model, Layout(model, batch, length))
    cache = decoder.layout.zeros()

    def entry(method: Any, count: int) -> tuple[Any, ...]:
        tokens = torch.arange(batch * count, dtype=torch.int32).reshape(batch, count) % model.config.vocab_size
        return method, (tokens, torch.tensor(1, dtype=torch.int32)), cache

    names = {n: "prefill" if len(lengths) == 1 else f"prefill_{n}" for n in lengths}
    return {**{names[n]: entry(decoder.prefill, n) for n in lengths}, "decode": entry(decoder.decode, 1)}
