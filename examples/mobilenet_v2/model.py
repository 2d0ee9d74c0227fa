"""What --model names. Where torchvision imports as it is, `--model torchvision.models:mobilenet_v2` does the same."""

from examples.support.torchvision_cpu import torchvision

mobilenet_v2 = torchvision.models.mobilenet_v2
