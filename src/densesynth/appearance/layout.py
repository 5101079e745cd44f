"""Outfits as rows of numbers: what the paint kernel and its NumPy reference read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from densesynth.appearance.colour import mix_skin
from densesynth.appearance.outfit import PATTERNS, Cloth, Outfit
from densesynth.arrays import Array, UInt8

_V = (np.float32, (3,))
CLOTH = np.dtype(
    [("colour", *_V), ("second", *_V), ("pattern", np.int32), ("scale", np.float32), ("roughness", np.float32)]
)
HAIR_KINDS = ("bald", "buzz", "short", "fade", "swept back")
HEADWEAR_KINDS = ("none", "beanie", "headscarf", "headband")
_SCALARS = (
    "seed", "freckles", "blush", "lipstick", "recede", "beard", "moustache", "brow", "brow_arch", "brow_strength",
    "top_hem", "sleeve", "neck_drop", "neck_width", "neck_rise", "pointed", "collar", "placket", "jacket", "opening",
    "tucked", "waist", "bottom_hem", "denim_cut", "belt", "side_stripe", "shoe_top", "sole", "laced", "sock_top",
    "glove_cuff", "swept_back", "swept_up",
)  # fmt: skip
_COLOURS = (
    "skin", "lip_tint", "hair", "iris", "trim", "belt_colour", "upper", "shoe_second", "sole_colour", "lace", "sock",
    "sock_band", "glove",
)  # fmt: skip
ROW = np.dtype(
    [
        *((name, np.float32) for name in _SCALARS),
        ("hair_kind", np.int32),
        ("headwear", np.int32),
        *((name, *_V) for name in _COLOURS),
        *((name, CLOTH) for name in ("top", "inner", "bottom", "hat")),
    ]
)


def pack_outfits(outfits: Sequence[Outfit]) -> Array:
    """One row of dtype ROW per outfit."""
    rows = np.zeros(len(outfits), ROW)
    for row, outfit in zip(rows, outfits, strict=True):
        _fill(row, outfit)
    return rows


def pack_bytes(outfits: Sequence[Outfit]) -> UInt8[Array, "p b"]:
    """The rows as files keep them: ROW.itemsize bytes an outfit."""
    return pack_outfits(outfits).view(np.uint8).reshape(len(outfits), ROW.itemsize)


def _fill(row: Any, outfit: Outfit) -> None:
    skin, hair, top, bottom, feet = outfit.skin, outfit.hair, outfit.top, outfit.bottom, outfit.footwear
    back, up = outfit.swept_towards
    values: dict[str, Any] = {
        "seed": outfit.seed, "freckles": skin.freckles, "blush": skin.blush, "lipstick": skin.lipstick,
        "recede": hair.recede, "beard": hair.beard, "moustache": hair.moustache, "brow": hair.brow,
        "brow_arch": hair.brow_arch, "brow_strength": hair.brow_strength, "top_hem": top.hem, "sleeve": top.sleeve,
        "neck_drop": top.neck_drop, "neck_width": top.neck_width, "neck_rise": top.neck_rise,
        "pointed": top.pointed, "collar": top.collar, "placket": top.placket, "jacket": top.kind == "jacket",
        "opening": top.opening, "tucked": top.tucked, "waist": bottom.waist, "bottom_hem": bottom.hem,
        "denim_cut": bottom.kind != "leggings", "belt": bottom.belt, "side_stripe": bottom.side_stripe,
        "shoe_top": feet.top, "sole": feet.sole, "laced": feet.kind != "loafers", "sock_top": feet.sock_top,
        "glove_cuff": outfit.glove_cuff, "swept_back": back, "swept_up": up, "hair_kind": HAIR_KINDS.index(hair.kind),
        "headwear": HEADWEAR_KINDS.index(outfit.headwear), "skin": mix_skin(skin.melanin, skin.undertone),
        "lip_tint": skin.lip_tint, "hair": hair.colour, "iris": outfit.iris, "trim": top.trim,
        "belt_colour": bottom.belt_colour, "upper": feet.upper, "shoe_second": feet.second,
        "sole_colour": feet.sole_colour, "lace": feet.lace, "sock": feet.sock, "sock_band": feet.sock_band,
        "glove": outfit.glove, "top": pack_cloth(top.cloth), "inner": pack_cloth(top.inner),
        "bottom": pack_cloth(bottom.cloth), "hat": pack_cloth(outfit.headwear_cloth),
    }  # fmt: skip
    for name, value in values.items():
        row[name] = value


def pack_cloth(cloth: Cloth) -> tuple[Any, ...]:
    """A cloth as a row of CLOTH."""
    return cloth.colour, cloth.second, PATTERNS.index(cloth.pattern), cloth.scale, cloth.roughness
