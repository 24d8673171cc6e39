"""Long-running processes, one role each. All they need to go on is on chain, in the store and in their journals."""
