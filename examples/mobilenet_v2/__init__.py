"""torchvision's MobileNetV2 from a state_dict."""
