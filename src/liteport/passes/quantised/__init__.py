"""What stands between DEQUANTIZE and QUANTIZE runs on the quantised numbers themselves."""

from liteport.passes.quantised.run import RunQuantised

__all__ = ["RunQuantised"]
