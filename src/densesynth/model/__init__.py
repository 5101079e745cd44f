"""Dense-correspondence models: networks, losses, checkpoints. Tensors in, tensors out; no renderer in sight."""
