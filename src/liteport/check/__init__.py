"""Running models and comparing what they give."""

# The bar, unless told otherwise: the mean absolute error of an output stays below this times max(1, mean |output|).
TOLERANCE = 1e-6

# An output that misses that may still be as near as float32 allows. The origin's own rounding error is what its float32
# result is off its float64 result; a converted model whose own is up to four times that differs by up to five times.
# Four times: LiteRT's linear layers add one product after the other, PyTorch's in blocks (docs/verification.md).
ROUNDINGS = 5.0
# Above this many times the bar, an own error is not believed to be rounding.
BELIEVABLE = 100.0

# An output that hangs on quantised numbers passes with a mean error below one step, which is how far its numbers lie
# apart. Floats that are computed from such have no step of their own: the range that they cover has this many.
NO_STEP = 0.0
PARTS = 255
# Where one misses that, its origin is run once more, on inputs that are nudged by this part of themselves: the output
# passes with a mean error below this many times what that moves it by, unless that is more than so many steps.
NUDGE = 1e-3
NUDGES = 2.0
MOST_STEPS = 8.0

# A quantised model is held to how strong its origin's output is against the error (SQNR, in dB), by what it was
# quantised to, and where the output is a score, to how often the best one stays the best (docs/quantisation.md).
SQNR = {"fp16": 40.0, "dynamic": 20.0, "int8": 10.0}
AGREEMENT = 0.9
