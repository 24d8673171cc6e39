"""Policies of release: the document, what a job sees, what it may let out, and the synthetic twin."""
