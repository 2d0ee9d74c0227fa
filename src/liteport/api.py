"""The public face: convert(), load(), verify() and the LiteModel that they return."""
