"""The workshop's tools: they make and compare what is generated from the code; nothing under `src` imports them."""
