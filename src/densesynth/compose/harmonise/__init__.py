"""Harmonisation: the appearance of a pasted region matched to what surrounds it, without moving an edge."""
