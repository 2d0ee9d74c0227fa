"""LPRNet, a licence-plate reader, saved whole."""
