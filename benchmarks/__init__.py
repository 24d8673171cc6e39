"""Benchmarks: each module measures one claim and prints one JSON object; nothing under `src` imports them."""
