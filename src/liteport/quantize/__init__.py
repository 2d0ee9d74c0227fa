"""Smaller numbers: weights in float16, weights in int8, or everything in int8."""

from liteport.quantize.run import MODES, Quantised, quantize

__all__ = ["MODES", "Quantised", "quantize"]
