"""The smallest network of every family of timm, at its default input size: a family is a module of timm.models.

Those that are called test_ are timm's own, for its tests, and left out.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from benchmarks.network import Network, Table

# By family, smallest first, as benchmarks.coverage.smallest prints it.
FAMILIES = {
    "starnet": "starnet_s050",  # 0.5 M
    "dla": "dla46x_c",  # 1.1 M
    "mobilevit": "mobilevit_xxs",  # 1.3 M
    "edgenext": "edgenext_xx_small",  # 1.3 M
    "mobilenetv3": "mobilenetv3_small_050",  # 1.6 M
    "efficientnet": "mobilenetv2_035",  # 1.7 M
    "vovnet": "ese_vovnet19b_slim_dw",  # 1.9 M
    "convnext": "convnext_zepto_rms",  # 2.2 M
    "repghost": "repghostnet_050",  # 2.3 M
    "efficientvit_msra": "efficientvit_m0",  # 2.3 M
    "ghostnet": "ghostnet_050",  # 2.6 M
    "regnet": "regnetx_002",  # 2.7 M
    "cspnext": "cspnext_tiny",  # 2.7 M
    "iformer": "iformer_t",  # 2.9 M
    "xcit": "xcit_nano_12_p8_224",  # 3.0 M
    "cspnet": "cs3darknet_focus_s",  # 3.3 M
    "efficientvit_mit": "efficientvit_b0",  # 3.4 M
    "swiftformer": "swiftformer_xs",  # 3.5 M
    "efficientformer_v2": "efficientformerv2_s0",  # 3.6 M
    "pvt_v2": "pvt_v2_b0",  # 3.7 M
    "fasternet": "fasternet_t0",  # 3.9 M
    "fastvit": "fastvit_t8",  # 4.0 M
    "lcnetv2": "lcnetv2_small",  # 4.1 M
    "inception_next": "inception_next_atto",  # 4.2 M
    "rexnet": "rexnet_100",  # 4.8 M
    "byobnet": "mobileone_s1",  # 4.8 M
    "pit": "pit_ti_224",  # 4.8 M
    "hardcorenas": "hardcorenas_b",  # 5.2 M
    "resnet": "resnet10t",  # 5.4 M
    "repvit": "repvit_m1",  # 5.5 M
    "eva": "vit_tiny_patch16_dinov3_qkvb",  # 5.5 M
    "coat": "coat_tiny",  # 5.5 M
    "convit": "convit_tiny",  # 5.7 M
    "deit": "deit_tiny_patch16_224",  # 5.7 M
    "vision_transformer": "vit_tiny_patch16_224",  # 5.7 M
    "mlp_mixer": "gmlp_ti16_224",  # 5.9 M
    "hgnet": "hgnetv2_b0",  # 6.0 M
    "shvit": "shvit_s1",  # 6.3 M
    "vision_transformer_hybrid": "vit_tiny_r_s16_p8_224",  # 6.3 M
    "cpubone": "cpubone_nano",  # 6.5 M
    "efficientvim": "efficientvim_m1",  # 6.7 M
    "crossvit": "crossvit_tiny_240",  # 7.0 M
    "mambaout": "mambaout_femto",  # 7.3 M
    "maxxvit": "maxvit_pico_rw_256",  # 7.5 M
    "levit": "levit_128s",  # 7.8 M
    "densenet": "densenet121",  # 8.0 M
    "byoanet": "halonet_h1",  # 8.1 M
    "nfnet": "nf_regnet_b0",  # 8.8 M
    "dpn": "dpn48b",  # 9.1 M
    "visformer": "visformer_tiny",  # 10.3 M
    "resnest": "resnest14d",  # 10.6 M
    "csatv2": "csatv2",  # 11.1 M
    "resnetv2": "resnetv2_18",  # 11.7 M
    "senet": "legacy_seresnet18",  # 11.8 M
    "metaformer": "poolformerv2_s12",  # 11.9 M
    "cait": "cait_xxs24_224",  # 12.0 M
    "sknet": "skresnet18",  # 12.0 M
    "gcvit": "gcvit_xxtiny",  # 12.0 M
    "tiny_vit": "tiny_vit_5m_224",  # 12.1 M
    "efficientformer": "efficientformer_l1",  # 12.3 M
    "hrnet": "hrnet_w18_small",  # 13.2 M
    "lowformer": "lowformer_b0",  # 14.1 M
    "nest": "nest_tiny",  # 17.1 M
    "convmixer": "convmixer_768_32",  # 21.1 M
    "vision_transformer_relpos": "vit_srelpos_small_patch16_224",  # 22.0 M
    "vitamin": "vitamin_small_224",  # 22.2 M
    "xception": "legacy_xception",  # 22.9 M
    "tnt": "tnt_s_legacy_patch16_224",  # 23.8 M
    "inception_v3": "inception_v3",  # 23.8 M
    "rdnet": "rdnet_tiny",  # 23.9 M
    "twins": "twins_svt_small",  # 24.1 M
    "mvitv2": "mvitv2_tiny",  # 24.2 M
    "res2net": "res2next50",  # 24.7 M
    "volo": "volo_d1_224",  # 26.6 M
    "hieradet_sam2": "sam2_hiera_tiny",  # 26.9 M
    "xception_aligned": "xception41p",  # 26.9 M
    "sequencer": "sequencer2d_s",  # 27.7 M
    "hiera": "hiera_tiny_224",  # 27.9 M
    "swin_transformer": "swin_tiny_patch4_window7_224",  # 28.3 M
    "swin_transformer_v2_cr": "swinv2_cr_tiny_224",  # 28.3 M
    "swin_transformer_v2": "swinv2_tiny_window16_256",  # 28.3 M
    "davit": "davit_tiny",  # 28.4 M
    "focalnet": "focalnet_tiny_srf",  # 28.4 M
    "selecsls": "selecsls42",  # 30.4 M
    "tresnet": "tresnet_m",  # 31.4 M
    "nextvit": "nextvit_small",  # 31.8 M
    "inception_v4": "inception_v4",  # 42.7 M
    "inception_resnet_v2": "inception_resnet_v2",  # 55.8 M
    "mobilenetv5": "mobilenetv5_base",  # 82.6 M
    "pnasnet": "pnasnet5large",  # 86.1 M
    "vision_transformer_sam": "samvit_base_patch16_224",  # 86.5 M
    "naflexvit": "naflexvit_base_patch16_parfac_gap",  # 86.5 M
    "beit": "beit_base_patch16_224",  # 86.5 M
    "qwen3_vit": "qwen3_vit_88m",  # 87.4 M
    "nasnet": "nasnetalarge",  # 88.8 M
    "vgg": "vgg11",  # 132.9 M
    "gemma4_vit": "gemma4_vit_167m",  # 167.4 M
    "deepseek_vit": "deepseek_vit_412m",  # 411.8 M
}


def _make(name: str) -> nn.Module:
    from examples.support.torchvision_cpu import torchvision  # noqa: F401 before timm
    import timm  # isort: skip

    return timm.create_model(name)


def _image(name: str) -> tuple[Tensor]:
    from timm.models import get_pretrained_cfg

    return (torch.randn(1, *get_pretrained_cfg(name).input_size),)


NETWORKS: Table = {name: Network(partial(_make, name), partial(_image, name)) for name in FAMILIES.values()}
