"""One script per converter, run by that converter's interpreter: `python -m benchmarks.drivers.X NETWORK FILE`."""
