"""Networks that others wrote, converted and verified one by one: `python -m benchmarks.coverage`."""
