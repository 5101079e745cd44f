"""Optical markers → body: the fit, what of it is kept, fitted clips on disk, marker files as sources of poses."""
