"""What one person looks like: skin, face, hair and clothes, as a value drawn from a generator.

Lengths are metres on Anny's mean adult at rest, feet on z = 0, 1.63 m tall: the clothes follow every other body by the
surface point. Heights: crotch 0.77, hip joint 0.86, waist 1.00, base of the neck 1.37. `sleeve` is measured along the
arm from the shoulder joint (elbow 0.25, wrist 0.51), `hem` of the bottom along the leg from the hip joint (knee 0.39,
ankle 0.79).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from densesynth.appearance.colour import (
    HAIR_SRGB,
    IRIS_SRGB,
    Colour,
    as_colour,
    draw_apart,
    draw_cloth_colour,
    draw_fabric,
    draw_second_colour,
    linear_from_srgb,
    mix_skin,
)

Pattern = Literal["plain", "hoops", "stripes", "check", "dots", "print", "denim", "knit", "logo", "block"]
TopKind = Literal["t-shirt", "long sleeve", "vest", "shirt", "jumper", "jacket"]
BottomKind = Literal["shorts", "knee-length", "trousers", "leggings"]
ShoeKind = Literal["trainers", "boots", "loafers", "high tops"]
HairKind = Literal["bald", "buzz", "short", "fade", "swept back"]
HeadwearKind = Literal["none", "beanie", "headscarf", "headband"]

PATTERNS: tuple[Pattern, ...] = (
    "plain", "hoops", "stripes", "check", "dots", "print", "denim", "knit", "logo", "block",
)  # fmt: skip
SHOE_TOPS: dict[ShoeKind, tuple[float, float]] = {
    "trainers": (0.075, 0.09), "boots": (0.13, 0.24), "loafers": (0.058, 0.066), "high tops": (0.12, 0.14),
}  # fmt: skip
HEADWEAR_PATTERNS: dict[HeadwearKind, tuple[Pattern, ...]] = {
    "none": ("plain",),
    "beanie": ("plain", "knit", "plain", "hoops", "print"),
    "headscarf": ("plain", "plain", "plain", "dots", "print"),
    "headband": ("plain", "knit", "plain", "hoops", "print"),
}
WAIST = (0.955, 1.01)
HIGHEST_TOP_HEM = 0.93  # below every waist band: no strip of skin between the two


@dataclass(frozen=True, kw_only=True)
class Cloth:
    """A fabric: two colours (linear RGB), a pattern and its period (metres), and how rough it looks (0..1)."""

    colour: Colour
    second: Colour
    pattern: Pattern
    scale: float
    roughness: float


@dataclass(frozen=True, kw_only=True)
class Skin:
    """melanin 0..1 and undertone −1..1 (see `colour.mix_skin`); freckles, blush, make-up and mottling 0..1."""

    melanin: float
    undertone: float
    freckles: float
    blush: float
    lipstick: float
    lip_tint: Colour


@dataclass(frozen=True, kw_only=True)
class Hair:
    """Painted hair. recede: metres the hairline has moved up; beard: 0 clean-shaven .. 1 full; brow: thickness,
    metres; brow_arch: metres."""

    kind: HairKind
    colour: Colour
    recede: float
    beard: float
    moustache: float
    brow: float
    brow_arch: float
    brow_strength: float


@dataclass(frozen=True, kw_only=True)
class Top:
    """neck_drop: depth of the neckline below the base of the neck in front, metres; neck_rise: height of the fabric on
    the neck (a polo neck is 0.05); pointed: 0 round .. 1 V; opening: half width of an open front at the hem, 0 is
    closed; tucked: the bottom lies over it."""

    kind: TopKind
    cloth: Cloth
    inner: Cloth
    trim: Colour
    hem: float
    sleeve: float
    neck_drop: float
    neck_width: float
    neck_rise: float
    pointed: float
    collar: bool
    placket: bool
    opening: float
    tucked: bool


@dataclass(frozen=True, kw_only=True)
class Bottom:
    """waist: height of its upper edge; hem: length along the leg; belt: width of the belt, 0 is none."""

    kind: BottomKind
    cloth: Cloth
    waist: float
    hem: float
    belt: float
    belt_colour: Colour
    side_stripe: float


@dataclass(frozen=True, kw_only=True)
class Footwear:
    """top: height of the shoe at the ankle; sole: thickness of the band; sock_top: height of the socks, 0 is none."""

    kind: ShoeKind
    upper: Colour
    second: Colour
    sole_colour: Colour
    lace: Colour
    top: float
    sole: float
    sock: Colour
    sock_band: Colour
    sock_top: float


@dataclass(frozen=True, kw_only=True)
class Loose:
    """A skirt, the lower part of a dress (in the top's cloth), of a coat (in the jacket's) or of any top worn over
    trousers (its hem). length: to its edge, along the leg from the hip joint, metres. flare: metres wider for each
    metre down. folds: around; depth: theirs, as a share of the flare. opening: half the angle left open in front,
    radians."""

    kind: Literal["skirt", "dress", "coat", "hem"]
    length: float
    flare: float
    folds: int
    depth: float
    opening: float


@dataclass(frozen=True, kw_only=True)
class Tresses:
    """Long hair. length: of what hangs, from the ears or the tie on, metres. front: degrees from straight ahead to its
    edges; aside: metres of the parting to the left. volume: metres it stands off the head. wave: metres it waves by.
    forward: degrees from straight ahead from where it falls behind the shoulders. high: how far up it is tied, 0 at the
    nape .. 1 on the crown. tie: its band's colour."""

    kind: Literal["loose", "pony tail", "bun"]
    length: float
    front: float
    aside: float
    volume: float
    wave: float
    forward: float
    high: float
    tie: Colour

    @property
    def tied_towards(self) -> tuple[float, float]:
        """Direction in which hair is tied, from the middle of the skull: its parts backwards and up."""
        rise = math.radians(-14.0 + 62.0 * self.high)
        return math.cos(rise), math.sin(rise)


@dataclass(frozen=True, kw_only=True)
class Outfit:
    """One person's looks. seed (0..1) places the grain of skin, cloth and hair. loose: what hangs about the legs.
    tresses: hair longer than `hair` paints it."""

    seed: float
    skin: Skin
    hair: Hair
    iris: Colour
    top: Top
    bottom: Bottom
    footwear: Footwear
    glove: Colour
    glove_cuff: float
    headwear: HeadwearKind
    headwear_cloth: Cloth
    loose: Loose | None = None
    tresses: Tresses | None = None

    @property
    def swept_towards(self) -> tuple[float, float]:
        """Where to hair runs that is swept back, from the middle of the skull: its parts backwards and up."""
        if self.tresses is None or self.tresses.kind == "loose":
            return 1.0, 0.0
        return self.tresses.tied_towards


def draw_outfit(rng: np.random.Generator, sex: float) -> Outfit:
    """Draw a dressed adult. sex: 0 male .. 1 female, as Anny's `gender`; it sways beards, hair and make-up only."""
    melanin = float(rng.uniform(0.0, 1.0))
    skin = Skin(
        melanin=melanin,
        undertone=float(rng.uniform(-1.0, 1.0)),
        freckles=float(rng.uniform(0.3, 1.0)) if melanin < 0.4 and rng.random() < 0.25 else 0.0,
        blush=float(rng.uniform(0.3, 1.0)),
        lipstick=float(rng.uniform(0.3, 0.9)) if rng.random() < 0.5 * sex else 0.0,
        lip_tint=as_colour(
            linear_from_srgb(np.array([rng.uniform(130, 190), rng.uniform(28, 80), rng.uniform(45, 85)]))
        ),
    )
    headwear = cast(
        HeadwearKind, str(rng.choice(("none", "beanie", "headscarf", "headband"), p=(0.82, 0.08, 0.06, 0.04)))
    )
    if headwear == "headscarf" and rng.random() >= sex:
        headwear = "beanie"
    bare = mix_skin(skin.melanin, skin.undertone)
    top = _draw_top(rng, bare)
    return Outfit(
        seed=float(rng.random()),
        skin=skin,
        hair=_draw_hair(rng, sex, melanin),
        iris=_draw_iris(rng, melanin),
        top=top,
        bottom=_draw_bottom(rng, top, bare),
        footwear=_draw_footwear(rng, bare),
        glove=draw_apart(rng, draw_cloth_colour, bare),
        glove_cuff=float(rng.uniform(0.46, 0.53)) if rng.random() < 0.04 else 9.0,
        headwear=headwear,
        headwear_cloth=_draw_cloth(rng, bare, HEADWEAR_PATTERNS[headwear], (0.012, 0.03)),
    )


def _choose(rng: np.random.Generator, options: tuple[str, ...], shares: tuple[float, ...]) -> str:
    weights = np.asarray(shares, dtype=np.float64)
    return options[int(rng.choice(len(options), p=weights / weights.sum()))]


def _draw_hair(rng: np.random.Generator, sex: float, melanin: float) -> Hair:
    male = rng.random() >= sex
    shares = (1.0, 2.2, 3.0, 2.0, 1.5) if male else (0.15, 0.5, 2.0, 0.3, 6.0)
    kind = cast(HairKind, _choose(rng, ("bald", "buzz", "short", "fade", "swept back"), shares))
    dark = np.clip(2.4 * melanin - 0.5, 0.0, 1.0)
    fair = 1.0 - dark
    weights = (0.22 + 0.5 * dark, 0.25, 0.16 * fair + 0.03, 0.13 * fair, 0.15 * fair, 0.07 * fair, 0.09, 0.04)
    colour_name = _choose(rng, tuple(HAIR_SRGB), weights)
    colour = linear_from_srgb(np.array(HAIR_SRGB[colour_name])) * rng.uniform(0.8, 1.2)
    bearded = male and rng.random() < 0.62
    return Hair(
        kind=kind,
        colour=as_colour(colour),
        recede=float(rng.uniform(-0.006, 0.008) + (rng.uniform(0.0, 0.035) if male and rng.random() < 0.3 else 0.0)),
        beard=float(rng.choice((0.25, 0.45, 0.8, 1.0))) * float(rng.uniform(0.7, 1.0)) if bearded else 0.0,
        moustache=float(rng.uniform(0.4, 1.0)) if male and rng.random() < 0.25 else 0.0,
        brow=float(rng.uniform(0.0038, 0.006) * (1.15 if male else 0.85)),
        brow_arch=float(rng.uniform(0.001, 0.006)),
        brow_strength=float(rng.uniform(0.6, 0.95)),
    )


def _draw_iris(rng: np.random.Generator, melanin: float) -> Colour:
    fair = float(np.clip(1.4 - 2.6 * melanin, 0.02, 1.0))
    name = _choose(rng, tuple(IRIS_SRGB), (1.0, 0.8, 0.4 * fair, 0.35 * fair, 0.9 * fair, 0.3 * fair))
    return as_colour(linear_from_srgb(np.array(IRIS_SRGB[name])) * rng.uniform(0.85, 1.2))


def _draw_cloth(
    rng: np.random.Generator,
    skin: Colour,
    patterns: tuple[Pattern, ...],
    scale: tuple[float, float],
    roughness: float = 0.85,
) -> Cloth:
    """A fabric of two colours that can be told from each other and from the skin beside it."""
    pattern = patterns[int(rng.integers(len(patterns)))]
    colour = draw_apart(rng, _draw_denim if pattern == "denim" else draw_fabric, skin)
    second = draw_second_colour(rng, colour, skin)
    return Cloth(
        colour=colour,
        second=second,
        pattern=pattern,
        scale=float(np.exp(rng.uniform(*np.log(scale)))),
        roughness=float(np.clip(roughness + rng.uniform(-0.1, 0.1), 0.2, 1.0)),
    )


def _draw_denim(rng: np.random.Generator) -> Colour:
    if rng.random() < 0.15:
        return as_colour(np.full(3, 0.02))
    shade = rng.uniform(0.0, 1.0)
    return as_colour(linear_from_srgb(np.array([38, 48, 74]) * (1 - shade) + np.array([128, 152, 184]) * shade))


def _draw_leather(rng: np.random.Generator) -> Colour:
    srgb = ((28, 24, 22), (86, 54, 34), (52, 34, 26), (120, 84, 54))[int(rng.integers(4))]
    return as_colour(linear_from_srgb(np.array(srgb)) * rng.uniform(0.8, 1.2))


def _draw_top(rng: np.random.Generator, skin: Colour) -> Top:
    kinds: tuple[TopKind, ...] = ("t-shirt", "long sleeve", "vest", "shirt", "jumper", "jacket")
    kind = cast(TopKind, _choose(rng, kinds, (0.3, 0.14, 0.08, 0.18, 0.15, 0.15)))
    patterns: dict[TopKind, tuple[Pattern, ...]] = {
        "t-shirt": ("plain", "plain", "logo", "logo", "hoops", "print", "dots", "block"),
        "long sleeve": ("plain", "plain", "hoops", "logo", "block", "print"),
        "vest": ("plain", "plain", "logo", "hoops", "print"),
        "shirt": ("plain", "plain", "check", "check", "stripes", "dots", "denim", "print"),
        "jumper": ("knit", "knit", "hoops", "block", "plain"),
        "jacket": ("plain", "plain", "denim", "block", "check"),
    }
    cloth = _draw_cloth(rng, skin, patterns[kind], (0.018, 0.11))
    short = kind == "t-shirt" or (kind == "shirt" and rng.random() < 0.3)
    rolled = kind in ("shirt", "jumper", "long sleeve") and rng.random() < 0.25
    long_sleeve = rng.uniform(0.3, 0.42) if rolled else rng.uniform(0.49, 0.525)
    sleeve = -0.028 if kind == "vest" else rng.uniform(0.1, 0.21) if short else long_sleeve
    pointed = 0.0
    drop, rise, width = rng.uniform(0.0, 0.035), 0.004, 0.075
    if kind in ("t-shirt", "long sleeve", "jumper") and rng.random() < 0.25:
        pointed, drop = 1.0, rng.uniform(0.05, 0.105)
    elif kind in ("jumper", "long sleeve") and rng.random() < 0.2:
        drop, rise = 0.0, rng.uniform(0.035, 0.055)
    if kind == "vest":
        drop, width = rng.uniform(0.05, 0.085), 0.095
    if kind == "shirt":
        pointed, drop, rise = 1.0, rng.uniform(0.0, 0.05), 0.022
    if kind == "jacket":
        pointed, drop, rise = 1.0, rng.uniform(0.0, 0.05), rng.uniform(0.008, 0.028)
    inner = _draw_cloth(rng, skin, ("plain", "plain", "hoops", "logo"), (0.02, 0.05))
    return Top(
        kind=kind,
        cloth=cloth,
        inner=inner,
        trim=cloth.colour if rng.random() < 0.7 else cloth.second,
        hem=float(rng.uniform(0.80, HIGHEST_TOP_HEM)),
        sleeve=float(sleeve),
        neck_drop=float(drop),
        neck_width=float(width),
        neck_rise=float(rise),
        pointed=pointed,
        collar=kind == "shirt" or (kind == "jacket" and bool(rng.random() < 0.6)),
        placket=kind == "shirt" or kind == "jacket",
        opening=float(rng.uniform(0.045, 0.11)) if kind == "jacket" and rng.random() < 0.55 else 0.0,
        tucked=kind != "jacket" and bool(rng.random() < (0.4 if kind == "shirt" else 0.15)),
    )


def _draw_bottom(rng: np.random.Generator, top: Top, skin: Colour) -> Bottom:
    kinds: tuple[BottomKind, ...] = ("shorts", "knee-length", "trousers", "leggings")
    kind = cast(BottomKind, _choose(rng, kinds, (0.18, 0.12, 0.52, 0.18)))
    patterns: dict[BottomKind, tuple[Pattern, ...]] = {
        "shorts": ("plain", "plain", "denim", "print", "check", "stripes"),
        "knee-length": ("plain", "denim", "plain", "print", "check"),
        "trousers": ("plain", "plain", "denim", "denim", "denim", "check", "stripes"),
        "leggings": ("plain", "plain", "plain", "print", "block"),
    }
    cloth = _draw_cloth(rng, skin, patterns[kind], (0.014, 0.07), 0.6 if kind == "leggings" else 0.85)
    lengths = {"shorts": (0.13, 0.26), "knee-length": (0.32, 0.47), "trousers": (0.75, 0.8), "leggings": (0.55, 0.79)}
    belted = kind != "leggings" and rng.random() < 0.3
    brown = as_colour(linear_from_srgb(np.array(((30, 24, 22), (82, 52, 32), (20, 20, 22))[int(rng.integers(3))])))
    return Bottom(
        kind=kind,
        cloth=cloth,
        waist=float(rng.uniform(*WAIST)),
        hem=float(rng.uniform(*lengths[kind])),
        belt=0.033 if belted and top.tucked else 0.0,
        belt_colour=brown,
        side_stripe=float(rng.uniform(0.012, 0.025)) if cloth.pattern == "plain" and rng.random() < 0.12 else 0.0,
    )


def _draw_footwear(rng: np.random.Generator, skin: Colour) -> Footwear:
    kinds: tuple[ShoeKind, ...] = ("trainers", "boots", "loafers", "high tops")
    kind = cast(ShoeKind, _choose(rng, kinds, (0.5, 0.15, 0.2, 0.15)))
    upper = draw_apart(rng, _draw_leather if kind in ("boots", "loafers") else draw_cloth_colour, skin)
    second = draw_second_colour(rng, upper, skin)
    white = rng.random() < 0.65 and kind in ("trainers", "high tops")
    socked = kind != "loafers" or rng.random() < 0.5
    sock = (0.75, 0.75, 0.73) if rng.random() < 0.5 else draw_apart(rng, draw_cloth_colour, skin)
    return Footwear(
        kind=kind,
        upper=upper,
        second=second if kind == "trainers" else upper,
        sole_colour=(0.8, 0.79, 0.75) if white else as_colour(np.full(3, rng.uniform(0.012, 0.06))),
        lace=(0.78, 0.78, 0.76) if rng.random() < 0.7 else second,
        top=float(rng.uniform(*SHOE_TOPS[kind])),
        sole=float(rng.uniform(0.009, 0.016)),
        sock=sock,
        sock_band=draw_cloth_colour(rng) if rng.random() < 0.25 else sock,
        sock_top=float(rng.choice((rng.uniform(0.1, 0.15), rng.uniform(0.18, 0.32)))) if socked else 0.0,
    )
