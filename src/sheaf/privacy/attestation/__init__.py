"""Attestation: what a processor signed about the program it runs, checked offline with the collateral that is given."""
