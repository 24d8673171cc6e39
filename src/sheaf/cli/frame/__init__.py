"""What every command stands in: how it prints, how it writes money, and how it ends when it cannot go on."""
