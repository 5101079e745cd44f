"""Renderer: meshes and a camera in, buffers and shaded colour out. It knows meshes, not bodies."""
