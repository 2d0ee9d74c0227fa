"""Causal language models around their caches: tokens decoded in LiteRT are those of the library's own generate()."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

import liteport
from examples.support.torchvision_cpu import torchvision  # noqa: F401  transformers imports it
from liteport.errors import UnsupportedError, UsageError
from liteport.model import LiteModel

transformers = pytest.importorskip("transformers")

SIZES = {"vocab_size": 99, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
OTHER_NAMES = {"vocab_size": 99, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
OPT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "ffn_dim": 64, "word_embed_proj_dim": 32}
PREFILL, CACHE, NEW = 8, 32, 20


@dataclass(frozen=True)
class Case:
    """An architecture, and what its configuration has besides sizes."""

    id: str
    architecture: str
    settings: dict[str, Any] = field(default_factory=dict)
    sizes: dict[str, Any] = field(default_factory=lambda: SIZES)


CASES = [
    Case("grouped queries", "LlamaForCausalLM", {"num_key_value_heads": 2}),
    Case("tied embeddings", "GPT2LMHeadModel", {}, OTHER_NAMES),
    Case("a sliding window", "MistralForCausalLM", {"num_key_value_heads": 2, "sliding_window": 6}),
    Case("sliding and full layers", "Gemma3ForCausalLM", {"num_key_value_heads": 1, "head_dim": 8, "sliding_window": 6, "layer_types": ["sliding_attention", "full_attention"]}),
    Case("positions of a mask", "OPTForCausalLM", {"vocab_size": 99, "max_position_embeddings": 64}, OPT),
    Case("slopes", "BloomForCausalLM", {"n_layer": 2, "n_head": 4}, {"vocab_size": 99, "hidden_size": 32}),
    Case("experts", "MixtralForCausalLM", {"num_key_value_heads": 2, "num_local_experts": 4}),
]  # fmt: skip


def language_model(case: Case) -> Any:
    """A model whose random weights are large enough for its tokens to depend on what went before."""
    torch.manual_seed(0)
    architecture = getattr(transformers, case.architecture)
    model = architecture(architecture.config_class(**case.sizes, **case.settings)).eval()
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    if model.can_generate():
        model.generation_config.eos_token_id = None
    return model


def greedy(model: LiteModel, prompt: list[int], count: int) -> list[int]:
    """The prompt and `count` tokens more, decoded in LiteRT."""
    filled = np.array([prompt + [0] * (PREFILL - len(prompt))], np.int32)
    example = model.runtime.example("prefill")
    empty = {name: np.zeros_like(array) for name, array in example.items() if name not in ("tokens", "position")}
    cache = model({"tokens": filled, "position": np.int32(0), **empty}, signature="prefill")
    tokens = list(prompt)
    for _ in range(count):
        step = {"tokens": np.array([tokens[-1:]], np.int32), "position": np.int32(len(tokens) - 1), **cache}
        cache = model(step, signature="decode")
        tokens.append(int(cache.pop("logits").argmax()))
    return tokens


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_tokens(case: Case) -> None:
    network = language_model(case)
    model = liteport.convert(liteport.decoder(network, prefill=PREFILL, cache=CACHE), verify=2)
    prompt = [41, 85, 59, 8, 44]
    tokens = torch.tensor([prompt])
    mask = torch.ones_like(tokens)
    want = network.generate(tokens, attention_mask=mask, max_new_tokens=NEW, do_sample=False, pad_token_id=0)
    assert greedy(model, prompt, NEW) == want[0].tolist()


def test_a_step_moves_nothing_but_what_is_new() -> None:
    network = language_model(CASES[0])
    with torch.no_grad():
        network.model.norm.weight.normal_(1, 0.2)
    network.lm_head.weight = network.model.embed_tokens.weight
    model = liteport.convert(liteport.decoder(network, prefill=(4, PREFILL), cache=CACHE))
    assert model.signatures == ("prefill_4", "prefill_8", "decode")
    operators = model.inspect().signatures[-1].operators
    assert operators["DYNAMIC_UPDATE_SLICE"] == 4
    assert not operators.keys() & {"TRANSPOSE", "TILE", "BROADCAST_TO", "CUSTOM"}
    assert model.inspect().parts.weights < 4.2 * sum(p.numel() for p in network.parameters())


REFUSED = [
    ("another module", lambda: torch.nn.Linear(2, 2), 8, UsageError, "no language model"),
    ("no head", lambda: language_model(Case("", "BertModel")), 8, UsageError, "no language model"),
    ("a prefill too long", lambda: language_model(CASES[0]), 32, UsageError, "does not fit a cache of 32"),
    ("states", lambda: language_model(Case("", "MambaForCausalLM")), 8, UnsupportedError, "LinearAttentionLayer"),
    ("an encoder", lambda: language_model(Case("", "T5ForConditionalGeneration", {}, {"vocab_size": 99, "d_model": 32, "num_layers": 1})), 8, UnsupportedError, "has an encoder"),
    (
        "masks of its own",
        lambda: language_model(Case("", "GPTNeoForCausalLM", {"attention_types": [[["global", "local"], 1]], "window_size": 6}, {"hidden_size": 32, "num_layers": 2, "num_heads": 4})),
        8,
        UnsupportedError,
        "its logits differ",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("make", "prefill", "error", "text"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_refusals(make: Any, prefill: int, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        liteport.decoder(make(), prefill=prefill, cache=CACHE)
