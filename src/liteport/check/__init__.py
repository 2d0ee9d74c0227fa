"""Running models and comparing what they give."""

# The bar, unless told otherwise: the mean absolute error of an output stays below this times max(1, mean |output|).
TOLERANCE = 1e-6
