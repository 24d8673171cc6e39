"""Who judges, and how judgements become a verdict: stakes, committees, reviews."""
