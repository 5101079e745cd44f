"""What the training program is made of: its recipe, batches, schedule, averages and saved state."""
