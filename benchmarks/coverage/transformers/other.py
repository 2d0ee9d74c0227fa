"""Audio, images with text, and the rest."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch

from benchmarks.coverage.transformers.shared import (
    BART,
    CLIP_TEXT,
    CLIP_VISION,
    CORE,
    SPEECH,
    TEXT,
    VISION,
    VOCABULARY,
    Row,
    captioned,
    ids,
    image,
    text,
    wave,
)

AUDIO: Mapping[str, Row] = {
    "wav2vec2": ("Wav2Vec2Model", SPEECH, wave),
    "wav2vec2_ctc": ("Wav2Vec2ForCTC", SPEECH, wave),
    "wav2vec2_conformer": ("Wav2Vec2ConformerModel", {**SPEECH, "conv_depthwise_kernel_size": 7}, wave),
    "hubert": ("HubertModel", SPEECH, wave),
    "wavlm": ("WavLMModel", SPEECH, wave),
    "sew": ("SEWModel", {**SPEECH, "squeeze_factor": 2}, wave),
    "sew_d": ("SEWDModel", {**SPEECH, "squeeze_factor": 2, "position_buckets": 16}, wave),
    "unispeech": ("UniSpeechModel", SPEECH, wave),
    "unispeech_sat": ("UniSpeechSatModel", SPEECH, wave),
    "data2vec_audio": ("Data2VecAudioModel", {**SPEECH, "conv_pos_kernel_size": 5}, wave),
    "whisper": ("WhisperModel", {**{k: v for k, v in BART.items() if k != "max_position_embeddings"}, "num_mel_bins": 16, "max_source_positions": 20, "max_target_positions": 20}, lambda: {"input_features": torch.randn(1, 16, 40), "decoder_input_ids": ids(6)}),
    "audio_spectrogram_transformer": ("ASTModel", {**CORE, "patch_size": 4, "max_length": 24, "num_mel_bins": 16, "frequency_stride": 2, "time_stride": 2}, lambda: {"input_values": torch.randn(1, 24, 16)}),
    "speech_to_text": ("Speech2TextModel", {**{k: v for k, v in BART.items() if k != "max_position_embeddings"}, "input_feat_per_channel": 16, "conv_channels": 32, "max_source_positions": 64, "max_target_positions": 64}, lambda: {"input_features": torch.randn(1, 40, 16), "decoder_input_ids": ids(6)}),
    "moonshine": ("MoonshineModel", {"vocab_size": VOCABULARY, "hidden_size": 32, "encoder_num_hidden_layers": 2, "decoder_num_hidden_layers": 2, "encoder_num_attention_heads": 4, "decoder_num_attention_heads": 4, "intermediate_size": 64, "pad_token_id": 0}, lambda: {**wave(4000), "decoder_input_ids": ids(6)}),
    "encodec": ("EncodecModel", {"hidden_size": 16, "num_filters": 4, "upsampling_ratios": [4, 2], "codebook_size": 16, "codebook_dim": 16}, lambda: {"input_values": torch.randn(1, 1, 320)}),
    "univnet": ("UnivNetModel", {"model_in_channels": 8, "model_hidden_channels": 8, "num_mel_bins": 16, "resblock_kernel_sizes": [3], "resblock_stride_sizes": [4], "resblock_dilation_sizes": [[1, 3]], "kernel_predictor_hidden_channels": 8}, lambda: {"input_features": torch.randn(1, 10, 16), "noise_sequence": torch.randn(1, 10, 8)}),
}  # fmt: skip

IMAGE_AND_TEXT: Mapping[str, Row] = {
    "clip": ("CLIPModel", {"text_config": CLIP_TEXT, "vision_config": CLIP_VISION, "projection_dim": 16}, captioned),
    "chinese_clip": ("ChineseCLIPModel", {"text_config": TEXT, "vision_config": CLIP_VISION, "projection_dim": 16}, captioned),
    "siglip": ("SiglipModel", {"text_config": TEXT, "vision_config": VISION}, captioned),
    "align": ("AlignModel", {"text_config": TEXT, "vision_config": {"width_coefficient": 0.25, "depth_coefficient": 0.25, "hidden_dim": 32, "image_size": 32}, "projection_dim": 80}, captioned),
    "altclip": ("AltCLIPModel", {"text_config": {**TEXT, "project_dim": 32}, "vision_config": CLIP_VISION, "projection_dim": 16}, captioned),
    "groupvit": ("GroupViTModel", {"text_config": CLIP_TEXT, "vision_config": {"image_size": 32, "patch_size": 8, "hidden_size": 32, "intermediate_size": 64, "depths": [2, 1, 1], "num_group_tokens": [8, 4, 0], "num_output_groups": [8, 4, 4], "num_attention_heads": 4, "num_hidden_layers": 4}, "projection_dim": 16, "projection_intermediate_dim": 32}, captioned),
    "blip": ("BlipForImageTextRetrieval", {"text_config": {**TEXT, "encoder_hidden_size": 32, "bos_token_id": 1, "sep_token_id": 2}, "vision_config": VISION, "projection_dim": 16, "image_text_hidden_size": 16}, captioned),
    "xclip": ("XCLIPModel", {"text_config": CLIP_TEXT, "vision_config": {**CLIP_VISION, "num_frames": 2, "mit_hidden_size": 16, "mit_intermediate_size": 32, "mit_num_hidden_layers": 1, "mit_num_attention_heads": 2}, "projection_dim": 16, "prompt_num_attention_heads": 2, "prompt_layers": 1}, lambda: {**text(), "pixel_values": torch.randn(1, 2, 3, 32, 32)}),
    "vilt": ("ViltModel", {**TEXT, "image_size": 32, "patch_size": 8, "max_image_length": -1}, captioned),
    "bridgetower": ("BridgeTowerModel", {"text_config": {**TEXT, "hidden_size": 64}, "vision_config": {"hidden_size": 64, "num_hidden_layers": 2, "patch_size": 8, "image_size": 32}, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}, captioned),
    "flava_image": ("FlavaImageModel", VISION, image),
    "vision_text_dual_encoder": ("VisionTextDualEncoderModel", {"vision_config": {**VISION, "model_type": "vit"}, "text_config": {**TEXT, "model_type": "bert"}, "projection_dim": 16}, captioned),
}  # fmt: skip

OTHER: Mapping[str, Row] = {
    "patchtst": ("PatchTSTForPrediction", {"num_input_channels": 2, "context_length": 32, "patch_length": 8, "patch_stride": 8, "prediction_length": 8, "d_model": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "ffn_dim": 64}, lambda: {"past_values": torch.randn(1, 32, 2)}),
    "patchtsmixer": ("PatchTSMixerForPrediction", {"num_input_channels": 2, "context_length": 32, "patch_length": 8, "patch_stride": 8, "prediction_length": 8, "d_model": 16, "num_layers": 2}, lambda: {"past_values": torch.randn(1, 32, 2)}),
    "decision_transformer": ("DecisionTransformerModel", {"state_dim": 5, "act_dim": 3, "hidden_size": 32, "n_layer": 2, "n_head": 4, "max_ep_len": 64}, lambda: {"states": torch.randn(1, 6, 5), "actions": torch.randn(1, 6, 3), "rewards": torch.randn(1, 6, 1), "returns_to_go": torch.randn(1, 6, 1), "timesteps": torch.arange(6)[None], "attention_mask": torch.ones(1, 6)}),
    "superpoint": ("SuperPointForKeypointDetection", {"encoder_hidden_sizes": [8, 8, 16, 16], "decoder_hidden_size": 16, "descriptor_decoder_dim": 16}, partial(image, 32)),
    "vitpose": ("VitPoseForPoseEstimation", {"backbone_config": ("VitPoseBackboneConfig", {**CORE, "image_size": [32, 32], "patch_size": [8, 8], "out_features": ["stage2"]}), "num_labels": 5}, image),
}  # fmt: skip
