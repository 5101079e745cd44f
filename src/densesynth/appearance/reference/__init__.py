"""The paint, written plainly in NumPy: slow, every layer everywhere. `kernels` gives the same numbers fast.

A sample carries the fields of `appearance/data/anny_paint.npz` interpolated at its surface point (rest position in
metres and distances along the limbs), its person's row (`layout.ROW`) and its footprint (metres per pixel). Layers are
laid over one another, each with a coverage that ramps over one pixel at its edge.
"""
