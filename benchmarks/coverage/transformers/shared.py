"""What the tables of architectures are written with: inputs, and sizes by the names that configurations have for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

Settings = Mapping[str, Any]
Inputs = Mapping[str, Tensor]

# What builds the network, its configuration, its example inputs. A setting that is a configuration itself stands as
# (class, settings).
Row = tuple[str, Settings, Callable[[], Inputs]]

VOCABULARY = 99


def ids(length: int) -> Tensor:
    return torch.randint(3, VOCABULARY, (1, length))


def text(length: int = 12) -> Inputs:
    mask = torch.ones(1, length, dtype=torch.int64)
    return {"input_ids": ids(length), "attention_mask": mask}


def tokens(length: int = 12) -> Inputs:
    return {"input_ids": ids(length)}


def pair(length: int = 12) -> Inputs:
    return {**text(length), "decoder_input_ids": ids(6)}


def image(size: int = 32) -> Inputs:
    return {"pixel_values": torch.randn(1, 3, size, size)}


def wave(length: int = 800) -> Inputs:
    return {"input_values": torch.randn(1, length)}


def captioned(size: int = 32) -> Inputs:
    return {**text(), **image(size)}


CORE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
TEXT = {**CORE, "vocab_size": VOCABULARY, "max_position_embeddings": 64, "pad_token_id": 0}
GROUPED = {**TEXT, "num_key_value_heads": 2}
HEADS = {**GROUPED, "head_dim": 8}
GPT = {"vocab_size": VOCABULARY, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
VISION = {**CORE, "image_size": 32, "patch_size": 8}
BART = {
    "vocab_size": VOCABULARY,
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "decoder_start_token_id": 2,
}
T5 = {"vocab_size": VOCABULARY, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
SPEECH = {
    **CORE,
    "vocab_size": VOCABULARY,
    "conv_dim": (16, 16, 16),
    "conv_stride": (5, 2, 2),
    "conv_kernel": (10, 3, 3),
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}
RESNET = ("ResNetConfig", {"embedding_size": 8, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "out_features": ["stage4"]})  # fmt: skip
DETECTOR = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "num_queries": 6,
    "backbone_config": RESNET,
}
SWIN = {"image_size": 32, "patch_size": 2, "embed_dim": 16, "depths": [2, 2], "num_heads": [2, 4], "window_size": 4}
SWIN_FOUR = ("SwinConfig", {"image_size": 64, "patch_size": 4, "embed_dim": 8, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2], "window_size": 4, "out_features": ["stage1", "stage2", "stage3", "stage4"]})  # fmt: skip
CLIP_TEXT = {**TEXT, "projection_dim": 16, "eos_token_id": 2}
CLIP_VISION = {**VISION, "projection_dim": 16}
DINO = ("Dinov2Config", {**CORE, "num_hidden_layers": 4, "image_size": 56, "patch_size": 14, "out_features": ["stage1", "stage2", "stage3", "stage4"], "reshape_hidden_states": False, "apply_layernorm": True})  # fmt: skip
