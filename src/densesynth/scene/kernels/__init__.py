"""Procedural surroundings for CPU and CUDA, one Warp thread a row: a floor, a room or the open air, boxes of clutter.

Warp compiles these functions itself, so their annotations are Warp's types.
"""
