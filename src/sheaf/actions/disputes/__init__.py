"""Disputes, verb by verb."""
