"""A causal language model of transformers as two entry points, `prefill` and `decode`, around its key/value cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from liteport.errors import UnsupportedError, UsageError
from liteport.frontends.torch.export import quiet
from liteport.frontends.torch.huggingface.cache import Layout, cache_argument
from liteport.frontends.torch.huggingface.models import is_pretrained, parameters_of
from liteport.frontends.torch.sources.twin import settled

_AGREEMENT = 1e-3  # of the largest logit: far above rounding, far below a mask or a position that is wrong


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

    Raises UsageError for what is no causal language model of transformers or lengths that do not fit,
    UnsupportedError for one that does not give the same scores with a cache of fixed length.
    """
    if not is_pretrained(model) or not model.can_generate():
        raise UsageError(f"a {type(model).__name__} is no language model of transformers, such as LlamaForCausalLM")
    lengths = [prefill] if isinstance(prefill, int) else sorted(set(prefill))
    if not lengths or lengths[0] < 1 or lengths[-1] >= length:
        raise UsageError(f"a prefill of {prefill} tokens does not fit a cache of {length}, and one more")
    ready = settled(model, [])
    layout = Layout(ready, batch, length)
    _check(Decoder(ready, layout), lengths[0], batch)
    decoder = Decoder(model, layout)

    def entry(method: Any, count: int) -> tuple[Any, ...]:
        return method, (_tokens(model, batch, count).int(), torch.tensor(1, dtype=torch.int32)), layout.zeros()

    names = {n: "prefill" if len(lengths) == 1 else f"prefill_{n}" for n in lengths}
    return {**{names[n]: entry(decoder.prefill, n) for n in lengths}, "decode": entry(decoder.decode, 1)}


def _check(decoder: Decoder, count: int, batch: int) -> None:
    """Holds the decoder to what the model says of the same tokens without a cache."""
    tokens = _tokens(decoder.model, batch, count + 1)
    with quiet(), torch.no_grad():
        want = decoder.model(tokens, use_cache=False).logits[:, -1]
        cache = decoder.prefill(tokens[:, :count], torch.tensor(0), **decoder.layout.zeros())
        have = decoder.decode(tokens[:, count:], torch.tensor(count), **cache)["logits"]
    worst = float((have - want).abs().max())
    if worst > _AGREEMENT * float(want.abs().max()):
        raise UnsupportedError(
            f"{type(decoder.model).__name__} does not support a cache of fixed length: with one, its logits differ by "
            f"{worst:.2g} from those without; convert it without a cache, liteport.convert(model, (tokens,))"
        )


def _tokens(model: Any, batch: int, count: int) -> Tensor:
    """Some token ids [batch, count], the lowest and the highest among them."""
    size = model.get_input_embeddings().num_embeddings
    return torch.linspace(0, size - 1, batch * count).long().reshape(batch, count)
