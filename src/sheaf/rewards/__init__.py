"""The market's own token."""
