"""From a scene and its buffers to the finished picture."""
