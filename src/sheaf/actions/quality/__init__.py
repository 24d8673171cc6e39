"""Verbs about quality that need no market: files in, judgements out."""
