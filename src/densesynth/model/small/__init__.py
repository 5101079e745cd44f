"""A small model of our own, to be trained from scratch: a detector of people, and a network for a person's crop."""
