"""Scenes: values, and how they are drawn from (configuration, seed, index)."""
