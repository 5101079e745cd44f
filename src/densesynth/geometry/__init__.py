"""Rotations, rigid transforms, cameras, meshes, skeletons: geometry that knows nothing of bodies or charts."""
