"""What one can do with datasets: publish, find, set terms, order, and take what they earn."""
