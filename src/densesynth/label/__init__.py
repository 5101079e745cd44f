"""Labels: buffers and atlas in, annotated people out."""
