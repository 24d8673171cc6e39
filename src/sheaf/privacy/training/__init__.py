"""Declared models, trained by a loop of ours on people's records, with a known loss unless the owner waives it."""
