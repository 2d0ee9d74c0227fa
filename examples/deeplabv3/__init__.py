"""torchvision's DeepLabV3 with a MobileNetV3 backbone: segmentation."""
