"""timm's EfficientNet-B3 from a state_dict."""
