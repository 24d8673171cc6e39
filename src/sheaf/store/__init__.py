"""Hands that keep bytes: content by its CID, letters by topic, and the envelopes that close both."""
