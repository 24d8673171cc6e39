"""Isolation for code that is not ours: a job sees its folder and a Python, and leaves nothing but its output."""
