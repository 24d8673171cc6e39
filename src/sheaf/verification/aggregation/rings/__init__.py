"""Rings: workers who vote alike are found first, gold tells which of them copy or lie, and a ring becomes one witness."""
