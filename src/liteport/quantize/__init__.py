"""Smaller numbers: weights in float16, weights in int8, or everything in int8."""

from liteport.quantize.calibrate import RANDOM, source
from liteport.quantize.ends import Ends
from liteport.quantize.run import MODES, Quantised, check, quantize

__all__ = ["MODES", "RANDOM", "Ends", "Quantised", "check", "quantize", "source"]
