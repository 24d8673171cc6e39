"""What may be learnt from data without seeing it, and what that costs. Takes and returns numbers and bytes, and knows nobody."""
