"""Who is there: accounts and their reading keys."""
