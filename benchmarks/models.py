"""The open set: networks that people convert, small to middling, with seeded random weights, and their inputs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.network import Network, noise

Make = Callable[[], nn.Module]


def _torchvision(name: str) -> Make:
    def make() -> nn.Module:
        from examples.support.torchvision_cpu import torchvision

        return torchvision.models.get_model(name, weights=None)

    return make


def _timm(name: str) -> Make:
    def make() -> nn.Module:
        from examples.support import torchvision_cpu  # noqa: F401  # timm imports torchvision
        import timm  # isort: skip

        return timm.create_model(name, pretrained=False)

    return make


def _efficientnet_b3() -> nn.Module:
    from examples.efficientnet_b3.model import efficientnet_b3

    return efficientnet_b3()


def _deeplabv3() -> nn.Module:
    from benchmarks.small import Output
    from examples.deeplabv3.model import deeplabv3

    return Output(deeplabv3(), "out")


def _siamrpn() -> nn.Module:
    from benchmarks.small import Template
    from examples.siamrpn.model import SiamRPN

    return Template(SiamRPN())


def _lprnet() -> nn.Module:
    from examples.lprnet.model import LPRNet

    return LPRNet()


def _rnet() -> nn.Module:
    from examples.mtcnn_rnet.model import RNet

    return RNet()


def _civilnet() -> nn.Module:
    from examples.civilnet.models.civilnet import CivilNet

    return CivilNet()


def _small(name: str) -> Make:
    def make() -> nn.Module:
        from benchmarks import small

        module: nn.Module = getattr(small, name)()
        return module

    return make


def _dense(name: str) -> Make:
    def make() -> nn.Module:
        from benchmarks import dense

        module: nn.Module = getattr(dense, name)()
        return module

    return make


def _transformers(model: str, config: str, output: str, **options: int | bool) -> Make:
    """A network of transformers by the names of its class and its configuration's, reduced to one output."""

    def make() -> nn.Module:
        from benchmarks.small import Output
        from examples.support import torchvision_cpu  # noqa: F401  # transformers imports torchvision
        import transformers  # isort: skip

        built = getattr(transformers, model)(getattr(transformers, config)(**options))
        return Output(built, output)

    return make


def _whisper_encoder() -> nn.Module:
    from benchmarks.small import Output
    from examples.support import torchvision_cpu  # noqa: F401  # transformers imports torchvision
    from transformers import WhisperConfig, WhisperModel  # isort: skip

    config = WhisperConfig(d_model=384, encoder_layers=4, encoder_attention_heads=6, encoder_ffn_dim=1536)
    return Output(WhisperModel(config).get_encoder(), "last_hidden_state")


def _tokens(length: int, vocabulary: int = 1000) -> Callable[[], tuple[Tensor]]:
    return lambda: (torch.randint(0, vocabulary, (1, length)),)


def _masked_tokens(length: int) -> Callable[[], tuple[Tensor, Tensor]]:
    return lambda: (torch.randint(0, 1000, (1, length)), torch.ones(1, length, dtype=torch.long))


_LLAMA = {
    "hidden_size": 256,
    "intermediate_size": 688,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "vocab_size": 2000,
    "use_cache": False,
}

NETWORKS = {
    "mobilenet_v2": Network(_torchvision("mobilenet_v2"), noise(1, 3, 224, 224)),
    "efficientnet_b3": Network(_efficientnet_b3, noise(1, 3, 288, 288)),
    "lprnet": Network(_lprnet, noise(1, 3, 24, 94)),
    "shufflenet_v2_x1_0": Network(_torchvision("shufflenet_v2_x1_0"), noise(1, 3, 224, 224)),
    "densenet121": Network(_torchvision("densenet121"), noise(1, 3, 224, 224)),
    "mobilenet_v3_large": Network(_torchvision("mobilenet_v3_large"), noise(1, 3, 224, 224)),
    "resnet18": Network(_torchvision("resnet18"), noise(1, 3, 224, 224)),
    "resnet50": Network(_torchvision("resnet50"), noise(1, 3, 224, 224)),
    "siamrpn": Network(_siamrpn, noise(1, 3, 127, 127)),
    "civilnet": Network(_civilnet, noise(1, 3, 32, 32)),
    "mtcnn_rnet": Network(_rnet, noise(1, 3, 24, 24)),
    "deeplabv3_mobilenet": Network(_deeplabv3, noise(1, 3, 256, 256)),
    "convnext_tiny": Network(_timm("convnext_tiny"), noise(1, 3, 224, 224)),
    "vit_tiny": Network(_timm("vit_tiny_patch16_224"), noise(1, 3, 224, 224)),
    "vit_base": Network(_timm("vit_base_patch16_224"), noise(1, 3, 224, 224)),
    "swin_tiny": Network(_timm("swin_tiny_patch4_window7_224"), noise(1, 3, 224, 224)),
    "coat_tiny": Network(_timm("coat_tiny"), noise(1, 3, 224, 224)),
    "segformer_b0": Network(
        _transformers("SegformerForSemanticSegmentation", "SegformerConfig", "logits"), noise(1, 3, 256, 256)
    ),
    "bert": Network(
        _transformers("BertModel", "BertConfig", "last_hidden_state", num_hidden_layers=4), _masked_tokens(128)
    ),
    "gpt2": Network(_transformers("GPT2LMHeadModel", "GPT2Config", "logits", n_layer=4, use_cache=False), _tokens(64)),
    "llama": Network(_transformers("LlamaForCausalLM", "LlamaConfig", "logits", **_LLAMA), _tokens(64)),
    "whisper_encoder": Network(_whisper_encoder, noise(1, 80, 3000)),
    "bilstm": Network(_small("BiLSTM"), _tokens(32)),
    "gru": Network(_small("GRUNet"), noise(50, 1, 40)),
    "convmixer_768_32": Network(_timm("convmixer_768_32"), noise(1, 3, 224, 224)),
    "unet": Network(_dense("UNet"), noise(1, 3, 256, 256)),
    "dcgan": Network(_dense("Generator"), noise(1, 100, 1, 1)),
    "detector": Network(_dense("Detector"), noise(1, 3, 320, 320)),
    "mobilenetv4": Network(_timm("mobilenetv4_conv_small"), noise(1, 3, 224, 224)),
    "fastvit": Network(_timm("fastvit_t8"), noise(1, 3, 256, 256)),
    "conformer": Network(_dense("Conformer"), noise(1, 200, 256)),
}
