"""What of a fit is done, kept until the whole is: a fit that was interrupted goes on behind it.

The parts are the chosen frames with the shape, and then every chunk of frames. They lie in the cache under a key of all
they depend on (markers, marker set, body, settings, way of fitting), so that a part never serves another fit; numbers
are kept as they are, so that a fit goes on to the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import torch

from densesynth.arrays import Array
from densesynth.body.differentiable import DifferentiableBody
from densesynth.cache import forget, holds, keep, make_key, recall
from densesynth.fitting.settings import METHOD, FitSettings
from densesynth.motion.clip import MarkerClip
from densesynth.motion.markers import MarkerSet

_KIND = "fits-under-way"


@dataclass(frozen=True)
class FitParts:
    """The parts of one fit. key: of all they depend on; made by `open_parts`."""

    key: str

    @property
    def begun(self) -> bool:
        """Whether an earlier fit of the same left any."""
        return holds(_KIND, self.key)

    def recall(self, part: str) -> dict[str, Array] | None:
        """The arrays of a part; None where it isn't done, or can't be read."""
        return recall(_KIND, f"{self.key}-{part}")

    def keep(self, part: str, arrays: dict[str, Array]) -> None:
        """Keep a part, whole or not at all. A cache that can't be written costs time and nothing else."""
        keep(_KIND, f"{self.key}-{part}", arrays)

    def forget(self) -> None:
        """Remove the parts: the fitted clip is where it belongs."""
        forget(_KIND, self.key)


def open_parts(clip: MarkerClip, body: DifferentiableBody, marker_set: MarkerSet, settings: FitSettings) -> FitParts:
    """The parts of the fit of this body to these markers."""
    return FitParts(
        make_key(
            [
                f"{METHOD} {version('densesynth')} {body.name} {clip.frame_rate!r}",
                "\n".join(clip.labels),
                clip.positions,
                repr(marker_set),
                repr(settings),
                *_tell_body(body),
            ]
        )
    )


def _tell_body(body: DifferentiableBody) -> list[Array]:
    """What tells a body from others: how two people without symmetries stand, and its prior."""
    rng = np.random.default_rng(0)
    prior = body.shape_prior
    betas = prior.typical + prior.spread * rng.uniform(-0.5, 0.5, size=(2, body.betas_count))
    rotations = torch.as_tensor(rng.normal(scale=0.5, size=(2, 52, 3)))
    with torch.no_grad():
        vertices, joints = body.forward(torch.as_tensor(betas), rotations, torch.zeros(2, 3, dtype=torch.float64))
    return [body.faces, vertices.numpy(), joints.numpy(), *(np.asarray(value) for value in vars(prior).values())]
