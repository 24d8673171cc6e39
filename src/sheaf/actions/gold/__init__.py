"""Gold: records with known answers, from the buyer's file to the test of those who reviewed; who does what: docs/review.md."""
