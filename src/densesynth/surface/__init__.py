"""Charts on a mesh: parts, UV, mirror; the surface point is the label."""
