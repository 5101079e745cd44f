"""Find what Anny's shoes are bound to, at every height that outfits have: appearance/data/anny_shoes.npz.

    python tools/make_shoe_bindings.py

Run it again after a change of the shoes' shape or of the paint's fields; tests/appearance/test_shoes.py tells.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from densesynth.appearance.outfit import SHOE_TOPS
from densesynth.appearance.paint import load_paint
from densesynth.appearance.shoes import find_leg, make_shoe
from densesynth.surface.atlas import load_atlas
from densesynth.surface.binding import index_faces

OUT = Path(__file__).resolve().parents[1] / "src/densesynth/appearance/data/anny_shoes.npz"


def main() -> None:
    atlas = load_atlas("anny")
    paint = load_paint(atlas.faces)
    index = index_faces(atlas.rest_position, paint.faces)
    collars = sorted(
        {cm for low, high in SHOE_TOPS.values() for cm in range(int(100.0 * low), int(np.ceil(100.0 * high - 1e-9)))}
    )
    bound = [
        [make_shoe(find_leg(paint, left), index, collar / 100.0).binding.vertex for left in (True, False)]
        for collar in collars
    ]
    np.savez_compressed(
        OUT,
        body_vertices=np.int32(len(paint.fields)),
        collar=np.array(collars, np.uint8),
        face=np.array([[one.face for one in pair] for pair in bound], np.uint16),
        weights=np.array([[one.barycentrics for one in pair] for pair in bound], np.float32),
    )
    print(f"{OUT}: {len(collars)} pairs, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
