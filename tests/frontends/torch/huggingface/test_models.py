"""Models of the transformers library as they come: caches nobody asked for, grouped queries, named outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import liteport
from examples.support.torchvision_cpu import torchvision  # noqa: F401  transformers imports it
from liteport.frontends.torch.huggingface.models import NO_CACHE

transformers = pytest.importorskip("transformers")

TOKENS = torch.arange(12).reshape(1, 12)


def llama(**settings: Any) -> Any:
    torch.manual_seed(0)
    sizes = {"vocab_size": 32, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes, **heads, **settings)).eval()


def test_a_language_model_without_its_cache() -> None:
    network = llama()
    model = liteport.convert(network, TOKENS, verify=2)
    assert NO_CACHE in model.notes
    assert [output.name for output in model.inspect().signatures[0].outputs] == ["logits"]
    np.testing.assert_allclose(model(TOKENS), network(TOKENS).logits.detach(), atol=1e-5)


def test_the_cache_is_left_to_who_decides_about_it() -> None:
    model = liteport.convert(llama(), TOKENS, kwargs={"use_cache": False})
    assert model.notes == ()


def test_shared_keys_are_not_repeated() -> None:
    operators = liteport.convert(llama(), TOKENS).inspect().operators
    assert not operators.keys() & {"TILE", "BROADCAST_TO"}
