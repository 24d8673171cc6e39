"""The market: requests, submissions and their escrow."""
