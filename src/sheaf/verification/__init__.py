"""Judging records: check → finding → verdict. Takes and returns tables and numbers, and knows nobody."""
