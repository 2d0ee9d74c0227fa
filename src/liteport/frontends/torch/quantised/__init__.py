"""Networks that PyTorch's own quantisation made (torch.ao.quantization.convert), as torch.export can follow them."""

from liteport.frontends.torch.quantised.following import known_quantised, on_numbers

__all__ = ["known_quantised", "on_numbers"]
