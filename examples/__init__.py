"""Worked examples: `python -m examples.NAME` from the root of the project runs one of them."""
