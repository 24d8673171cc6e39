"""Sheaf: an open market for AI training data."""
