"""A language model like Llama, small enough to be made on the spot."""

from __future__ import annotations

from typing import Any

from torch import nn

from examples.support.torchvision_cpu import torchvision  # noqa: F401  transformers imports it

VOCABULARY = 4096


def language_model() -> Any:
    """Grouped queries, rotary positions, tied embeddings: 8 million random weights.

    Those of the layers are drawn larger than usual: the tokens then depend on what stands before them.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=384,
        intermediate_size=1024,
        num_hidden_layers=4,
        num_attention_heads=6,
        num_key_value_heads=2,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
    )
    model = LlamaForCausalLM(config)
    for parameter in model.model.layers.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=0.05)
    return model.eval()
