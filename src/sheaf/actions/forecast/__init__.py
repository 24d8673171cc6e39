"""What a preview is made of: which records fall and why, what money and standing may come of the rest."""
