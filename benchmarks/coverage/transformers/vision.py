"""Images: what is in them, where, and how far away."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch

from benchmarks.coverage.transformers.shared import (
    CLIP_TEXT,
    CLIP_VISION,
    DETECTOR,
    DINO,
    RESNET,
    SWIN,
    SWIN_FOUR,
    VISION,
    Row,
    captioned,
    ids,
    image,
)

VISION_MODELS: Mapping[str, Row] = {
    "vit": ("ViTModel", VISION, image),
    "deit": ("DeiTModel", VISION, image),
    "beit": ("BeitModel", {**VISION, "use_relative_position_bias": True}, image),
    "data2vec_vision": ("Data2VecVisionModel", VISION, image),
    "swin": ("SwinModel", SWIN, image),
    "swinv2": ("Swinv2Model", SWIN, image),
    "donut_swin": ("DonutSwinModel", SWIN, image),
    "convnext": ("ConvNextModel", {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}, image),
    "convnextv2": ("ConvNextV2Model", {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}, image),
    "dinov2": ("Dinov2Model", VISION, image),
    "dinov2_with_registers": ("Dinov2WithRegistersModel", VISION, image),
    "dinov3_vit": ("DINOv3ViTModel", {**VISION, "num_register_tokens": 2}, image),
    "hiera": ("HieraModel", {"image_size": [32, 32], "embed_dim": 8, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2], "patch_stride": [4, 4], "patch_size": [7, 7], "patch_padding": [3, 3], "mlp_ratio": 2.0, "masked_unit_size": [8, 8], "query_stride": [2, 2], "embed_dim_multiplier": 2.0, "num_query_pool": 3}, image),
    "mobilevit": ("MobileViTModel", {"image_size": 64, "hidden_sizes": [16, 24, 32], "neck_hidden_sizes": [8, 8, 16, 16, 24, 32, 32], "num_attention_heads": 4}, partial(image, 64)),
    "mobilevitv2": ("MobileViTV2Model", {"image_size": 64, "width_multiplier": 0.25}, partial(image, 64)),
    "mobilenet_v1": ("MobileNetV1Model", {"depth_multiplier": 0.25}, image),
    "mobilenet_v2": ("MobileNetV2Model", {"depth_multiplier": 0.25}, image),
    "resnet": ("ResNetModel", RESNET[1], image),
    "regnet": ("RegNetModel", {"embedding_size": 8, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "groups_width": 8}, image),
    "bit": ("BitModel", {"num_groups": 4, "embedding_size": 32, "hidden_sizes": [32, 32, 64, 64], "depths": [1, 1, 1, 1]}, image),
    "levit": ("LevitModel", {"image_size": 64, "hidden_sizes": [16, 24, 32], "num_attention_heads": [1, 2, 2], "depths": [1, 1, 1], "key_dim": [8, 8, 8]}, partial(image, 64)),
    "poolformer": ("PoolFormerModel", {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}, image),
    "cvt": ("CvtModel", {"embed_dim": [8, 16, 24], "num_heads": [1, 2, 2], "depth": [1, 2, 3]}, image),
    "focalnet": ("FocalNetModel", {"image_size": 32, "patch_size": 2, "embed_dim": 8, "depths": [1, 1], "focal_levels": [2, 2], "focal_windows": [3, 3]}, image),
    "pvt": ("PvtModel", {"image_size": 64, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 2, 2]}, partial(image, 64)),
    "pvt_v2": ("PvtV2Model", {"image_size": 64, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 2, 2]}, partial(image, 64)),
    "efficientnet": ("EfficientNetModel", {"width_coefficient": 0.25, "depth_coefficient": 0.25, "hidden_dim": 320}, image),
    "vit_mae": ("ViTMAEModel", {**VISION, "mask_ratio": 0.0}, lambda: {**image(), "noise": torch.rand(1, 16)}),
    "vit_msn": ("ViTMSNModel", VISION, image),
    "ijepa": ("IJepaModel", VISION, image),
    "swiftformer": ("SwiftFormerModel", {"image_size": 64, "depths": [1, 1, 1, 1], "embed_dims": [8, 16, 24, 32]}, partial(image, 64)),
    "videomae": ("VideoMAEModel", {**VISION, "num_frames": 4}, lambda: {"pixel_values": torch.randn(1, 4, 3, 32, 32)}),
    "timesformer": ("TimesformerModel", {**VISION, "num_frames": 4}, lambda: {"pixel_values": torch.randn(1, 4, 3, 32, 32)}),
    "vivit": ("VivitModel", {**VISION, "num_frames": 4, "tubelet_size": [2, 8, 8]}, lambda: {"pixel_values": torch.randn(1, 4, 3, 32, 32)}),
    "swin2sr": ("Swin2SRForImageSuperResolution", {"image_size": 16, "embed_dim": 16, "depths": [1, 1], "num_heads": [2, 2], "window_size": 4}, partial(image, 16)),
}  # fmt: skip

DETECTION: Mapping[str, Row] = {
    "detr": ("DetrForObjectDetection", DETECTOR, lambda: {**image(64), "pixel_mask": torch.ones(1, 64, 64, dtype=torch.int64)}),
    "conditional_detr": ("ConditionalDetrForObjectDetection", DETECTOR, partial(image, 64)),
    "table_transformer": ("TableTransformerForObjectDetection", DETECTOR, partial(image, 64)),
    "deformable_detr": ("DeformableDetrForObjectDetection", {**DETECTOR, "num_feature_levels": 1}, partial(image, 64)),
    "yolos": ("YolosForObjectDetection", {**VISION, "image_size": [32, 32], "num_detection_tokens": 5}, image),
    # At the usual range of weights all scores are alike, and their order, which picks the queries, a matter of rounding.
    "rt_detr": ("RTDetrForObjectDetection", {"backbone_config": ("RTDetrResNetConfig", {"embedding_size": 8, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "out_features": ["stage2", "stage3", "stage4"]}), "encoder_in_channels": [16, 24, 32], "encoder_hidden_dim": 32, "encoder_ffn_dim": 64, "d_model": 32, "decoder_in_channels": [32, 32, 32], "num_queries": 6, "decoder_layers": 2, "decoder_ffn_dim": 64, "decoder_attention_heads": 4, "encoder_attention_heads": 4, "num_denoising": 0, "initializer_range": 0.5}, partial(image, 64)),
    "owlvit": ("OwlViTForObjectDetection", {"text_config": {**CLIP_TEXT, "max_position_embeddings": 16}, "vision_config": CLIP_VISION, "projection_dim": 32}, lambda: {**captioned(), "input_ids": ids(12)}),
}  # fmt: skip

SEGMENTATION: Mapping[str, Row] = {
    "segformer": ("SegformerForSemanticSegmentation", {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 2, 2], "decoder_hidden_size": 32}, partial(image, 64)),
    "mask2former": ("Mask2FormerForUniversalSegmentation", {"backbone_config": SWIN_FOUR, "feature_size": 32, "mask_feature_size": 32, "hidden_dim": 32, "encoder_feedforward_dim": 32, "dim_feedforward": 32, "encoder_layers": 1, "decoder_layers": 2, "num_attention_heads": 2, "num_queries": 5}, partial(image, 64)),
    "maskformer": ("MaskFormerForInstanceSegmentation", {"backbone_config": SWIN_FOUR, "fpn_feature_size": 32, "mask_feature_size": 32, "decoder_config": {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "num_queries": 5, "model_type": "detr"}}, partial(image, 64)),
    "upernet": ("UperNetForSemanticSegmentation", {"backbone_config": SWIN_FOUR, "hidden_size": 16, "auxiliary_in_channels": 32, "auxiliary_channels": 16, "use_auxiliary_head": False}, partial(image, 64)),
    "sam": ("SamModel", {"vision_config": {**VISION, "output_channels": 16, "num_pos_feats": 8, "window_size": 2, "global_attn_indexes": [1], "mlp_dim": 64}, "prompt_encoder_config": {"hidden_size": 16, "image_size": 32, "patch_size": 8, "mask_input_channels": 4}, "mask_decoder_config": {"hidden_size": 16, "mlp_dim": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "iou_head_hidden_dim": 16}}, lambda: {**image(), "input_points": torch.rand(1, 1, 2, 2) * 32, "input_labels": torch.ones(1, 1, 2, dtype=torch.int64)}),
    "clipseg": ("CLIPSegForImageSegmentation", {"text_config": CLIP_TEXT, "vision_config": CLIP_VISION, "projection_dim": 16, "extract_layers": [0, 1], "reduce_dim": 16, "decoder_num_attention_heads": 2, "decoder_intermediate_size": 32, "conditional_layer": 0}, captioned),
}  # fmt: skip

DEPTH: Mapping[str, Row] = {
    "dpt": ("DPTForDepthEstimation", {**VISION, "num_hidden_layers": 4, "backbone_out_indices": [0, 1, 2, 3], "neck_hidden_sizes": [8, 16, 16, 32], "fusion_hidden_size": 16, "is_hybrid": False, "qkv_bias": True}, image),
    "glpn": ("GLPNForDepthEstimation", {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 2, 2], "decoder_hidden_size": 16}, partial(image, 64)),
    "depth_anything": ("DepthAnythingForDepthEstimation", {"backbone_config": DINO, "patch_size": 14, "reassemble_hidden_size": 32, "neck_hidden_sizes": [8, 16, 16, 32], "fusion_hidden_size": 16, "head_hidden_size": 8}, partial(image, 56)),
}  # fmt: skip
