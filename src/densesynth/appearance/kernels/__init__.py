"""The paint as one Warp kernel, for CPU and CUDA: the layers of `reference`, each computed only where it shows.

Warp compiles these functions itself, so their annotations are Warp's types. Names and numbers are the reference's; a
test holds the two together.
"""
