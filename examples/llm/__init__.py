"""A language model with its cache: prefill and decode in one file, greedy decoding in LiteRT."""
