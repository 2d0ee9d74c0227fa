"""CivilNet, a small CNN whose script stands in a models folder."""
