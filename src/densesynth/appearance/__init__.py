"""Appearance: procedural skin and clothing."""
