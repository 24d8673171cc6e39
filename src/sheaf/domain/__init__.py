"""Nouns, units and ports: what every other room may speak of. No I/O, no clock, no randomness."""
