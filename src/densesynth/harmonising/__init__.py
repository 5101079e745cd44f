"""Training harmonisation networks from pairs, and harmonising a user's own pictures."""
