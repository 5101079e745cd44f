"""Motion: clips and a built-in library of parametric movements."""
