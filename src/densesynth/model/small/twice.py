"""A crop seen as it is and mirrored, and both answers averaged: what a network says of either is then the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from densesynth.model.small.crop import CropMaps, CropNetwork
from densesynth.surface.mirror import HEAD, TORSO
from densesynth.surface.parts import FINE_MIRROR


def look_twice(network: CropNetwork, pictures: Float[Tensor, "n 3 s s"]) -> CropMaps:
    """Mask, parts, U and V averaged over the crops and their mirror images; the rest of the crops' own. Pictures from
    `normalise`."""
    own, other = network(pictures), mirror_maps(network(pictures.flip(3)))
    averaged = {name: 0.5 * (getattr(own, name) + getattr(other, name)) for name in ("mask", "part", "u", "v")}
    return replace(own, **averaged)


def mirror_maps(maps: CropMaps) -> CropMaps:
    """The answer for a picture → that for its mirror image (laws in `surface.atlas`)."""
    counterpart = torch.from_numpy(FINE_MIRROR[1:].astype(np.int64) - 1).to(maps.part.device)
    part, u, v = (values.flip(3) for values in (maps.part, maps.u, maps.v))
    u, v = u[:, counterpart], v[:, counterpart]
    head, torso = ([number - 1 for number in parts] for parts in (HEAD, TORSO))
    u[:, head] = 1.0 - u[:, head]
    v[:, torso] = 1.0 - v[:, torso]
    rest = maps.rest.flip(3)
    return CropMaps(
        mask=maps.mask.flip(3),
        part=torch.cat([part[:, :1], part[:, 1:][:, counterpart]], dim=1),
        u=u,
        v=v,
        rest=torch.cat([-rest[:, :1], rest[:, 1:]], dim=1),
        log_scale=maps.log_scale.flip(3),
    )
