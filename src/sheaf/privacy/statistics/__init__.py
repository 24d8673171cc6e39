"""Questions about people that cost budget: a small SQL over one table, answered with noise and with what it cost."""
