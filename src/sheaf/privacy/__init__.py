"""Answers about people with a known privacy loss, the budget they come from, and what else keeps data private."""
