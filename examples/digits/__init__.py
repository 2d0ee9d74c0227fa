"""A network trained for real, on scikit-learn's handwritten digits."""
