"""Charts on a body's surface: DensePose's parts, U and V, and the left/right mirror."""
