"""What votes may move."""
