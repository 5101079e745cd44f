"""Bodies: shape and pose in; vertices, joints, keypoints and faces out."""
