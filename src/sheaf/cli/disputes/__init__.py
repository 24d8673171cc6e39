"""The nouns of disputes on the command line."""
