"""How one performance of a motion differs from another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Variation:
    """A performer's manner; the default is the plain motion.

    amplitude: size of the gesture, 0.75 to 1.15. tempo: speed, 0.7 to 1.3 (1 is `duration` as stated). mirrored: left
    and right change places. asymmetry: −1 to 1, how unlike the two sides are. stance: width of the stance, 0.8 to 1.4
    of the usual. toes_out: extra turning-out of the feet, −0.05 to 0.2 rad. head_turn: to the left, −0.5 to 0.5 rad.
    head_nod: forward, −0.2 to 0.3 rad. lean: of the trunk to the left, −0.06 to 0.06 rad. stoop: of the trunk forward,
    −0.05 to 0.12 rad. arms_out: extra distance of hanging arms from the trunk, 0 to 0.2 rad. elbow_bend: extra bend of
    hanging arms, 0 to 0.35 rad. curl: of each finger of a relaxed hand, thumb first, 0 (flat) to 1 (loose fist).
    spread: of the fingers, −0.05 to 0.12 rad.
    """

    amplitude: float = 1.0
    tempo: float = 1.0
    mirrored: bool = False
    asymmetry: float = 0.0
    stance: float = 1.0
    toes_out: float = 0.05
    head_turn: float = 0.0
    head_nod: float = 0.0
    lean: float = 0.0
    stoop: float = 0.0
    arms_out: float = 0.05
    elbow_bend: float = 0.08
    curl: tuple[float, float, float, float, float] = (0.3, 0.25, 0.32, 0.37, 0.42)
    spread: float = 0.0


def draw_variation(rng: np.random.Generator) -> Variation:
    """Draw a manner; every field stays within its documented range."""
    looseness = rng.uniform(0.0, 0.75)
    curl = np.clip(looseness + np.array([0.0, 0.0, 0.06, 0.1, 0.14]) + rng.normal(0.0, 0.05, 5), 0.0, 1.0)
    return Variation(
        amplitude=float(rng.uniform(0.75, 1.15)),
        tempo=float(rng.uniform(0.7, 1.3)),
        mirrored=bool(rng.random() < 0.5),
        asymmetry=float(rng.uniform(-1.0, 1.0)),
        stance=float(rng.uniform(0.8, 1.4)),
        toes_out=float(rng.uniform(-0.05, 0.2)),
        head_turn=float(np.clip(rng.normal(0.0, 0.2), -0.5, 0.5)),
        head_nod=float(np.clip(rng.normal(0.03, 0.1), -0.2, 0.3)),
        lean=float(rng.uniform(-0.06, 0.06)),
        stoop=float(rng.uniform(-0.05, 0.12)),
        arms_out=float(rng.uniform(0.0, 0.2)),
        elbow_bend=float(rng.uniform(0.0, 0.35)),
        curl=tuple(float(c) for c in curl),  # type: ignore[arg-type]
        spread=float(rng.uniform(-0.05, 0.12)),
    )
