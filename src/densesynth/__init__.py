"""densesynth: pictures of people for which every pixel's point on the body surface is known exactly."""

__version__ = "0.1.0"
