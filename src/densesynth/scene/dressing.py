"""Dressing a scene's people: UV pictures, garment files, clothes and hair with thickness, shoes, and what hangs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from densesynth.appearance.hairdresser import Hairdresser
from densesynth.appearance.hem import cut_hem
from densesynth.appearance.layout import pack_bytes
from densesynth.appearance.looks import Library, Look, draw_looks, plain_face
from densesynth.appearance.loose import Dressmaker
from densesynth.appearance.outfit import Loose, Outfit
from densesynth.appearance.paint import Paint
from densesynth.appearance.shell import CUT, UNCUT, Shell, draw_cuts
from densesynth.appearance.shoes import Shoemaker
from densesynth.appearance.textures import PARTS
from densesynth.arrays import Array, Float32, Int32
from densesynth.body.anny import AnnyBody
from densesynth.body.body import Body, PosedBodies
from densesynth.errors import ConfigurationError
from densesynth.geometry.mesh import Mesh, is_closed
from densesynth.scene.closet import COVERED, Closet, dress_people, open_closet
from densesynth.scene.meshes import SceneMesh
from densesynth.scene.scene import Scene
from densesynth.scene.seeds import Purpose, stream
from densesynth.scene.settings import PeopleSettings
from densesynth.surface.atlas import Atlas
from densesynth.surface.binding import index_faces

HAIR, LOOSE = 8, 9  # layers of long hair and of what hangs about the legs

Stage = Callable[[str], AbstractContextManager[None]]
Hems = dict[int, tuple[Outfit, Loose]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Dressed:
    """A scene's people in what they wear.

    scene: with the outfits that are painted on the bodies, and the pictures worn. posed: the bodies with the thickness
    of clothes. bodies: a mesh for each person, its faces shrunk to a point where something worn lies over them.
    garments: what is worn over the bodies. worn: the bytes of the outfits and how they stand off, for the frame's
    record; empty without shells.
    """

    scene: Scene
    posed: PosedBodies
    bodies: list[SceneMesh]
    garments: list[SceneMesh]
    worn: dict[str, Array]


class WornFiles(NamedTuple):
    """What a person wears of the user's files, named from their folders on. owner: counts from 1. pictures: of each of
    `textures.PARTS`, or none. garments: `.mhclo` files."""

    owner: int
    pictures: dict[str, str]
    garments: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Dresser:
    """Dresses people of one body. library: UV pictures; closet: garment files; None for neither."""

    settings: PeopleSettings
    body: Body
    shell: Shell
    shoemaker: Shoemaker
    dressmaker: Dressmaker
    hairdresser: Hairdresser
    library: Library | None
    closet: Closet | None

    def dress(self, scene: Scene, posed: PosedBodies, seed: int, number: int, stage: Stage) -> Dressed:
        """The people of scene `number` (frames of one rig have one) of a run. posed: as they stand, bare. stage: names
        the span of time that follows."""
        if self.library is not None:
            scene = self._wear_pictures(self.library, scene, stream(seed, number, Purpose.LOOKS))
        garments: list[SceneMesh] = []
        faces = [self.body.faces] * len(scene.people)
        covered: list[frozenset[str]] = [frozenset()] * len(scene.people)
        if self.closet is not None:
            with stage("garments"):
                rng = stream(seed, number, Purpose.GARMENTS)
                scene, garments, faces, covered = dress_people(
                    self.closet, self.settings.garment_share, scene, posed, rng
                )
        for k, person in enumerate(scene.people):
            if person.look is not None and person.look.dressed:  # clothes on a picture are all that its wearer has
                scene = _without_garments(scene, k)
                garments = [mesh for mesh in garments if mesh.owner != k + 1]
                faces[k], covered[k] = self.body.faces, COVERED
        closed = [self.closed and shown is self.body.faces for shown in faces]  # shoes cover what they take out
        worn: dict[str, Array] = {}
        if self.settings.shells:
            bare = posed.vertices
            with stage("clothes"):
                scene, hems = self._cut_hems(scene, covered)
                worn = self._cut_shells(scene, covered, stream(seed, number, Purpose.CUTS))
                if self.body.name == "anny":  # shoes are shaped over its foot
                    garments += self._put_on_shoes(scene, bare, covered, faces)
                rotations = np.stack([person.rotations for person in scene.people])
                posed = replace(posed, vertices=self.shell.dress(bare, **worn, rotations=rotations))
            with stage("long hair"):
                garments += self._lay_hair(scene, posed, bare, covered)
            with stage("loose clothes"):
                garments += self._hang_loose(scene, posed, covered, hems)
        bodies = [
            SceneMesh(mesh=Mesh(vertices, shown, whole), owner=owner)
            for owner, (vertices, shown, whole) in enumerate(zip(posed.vertices, faces, closed, strict=True), start=1)
        ]
        return Dressed(scene=scene, posed=posed, bodies=bodies, garments=garments, worn=worn)

    def name_files(self, scene: Scene) -> list[WornFiles]:
        """Of a dressed scene's people those who wear something of the user's files."""
        files = []
        for owner, person in enumerate(scene.people, start=1):
            pictures, garments = {}, []
            if self.library is not None and person.look is not None:
                names = [self.library.name(number) for number in person.look.textures]
                pictures = dict(zip(PARTS, names, strict=True))
            if self.closet is not None:
                garments = [self.closet.name(number) for number in person.garments]
            if pictures or garments:
                files.append(WornFiles(owner, pictures, tuple(garments)))
        return files

    @cached_property
    def closed(self) -> bool:
        """Whether the body's mesh is."""
        return is_closed(self.body.faces)

    @property
    def left_out(self) -> tuple[str, ...]:
        """One line for each of the user's files that can't be worn."""
        return tuple(line for given in (self.library, self.closet) if given is not None for line in given.left_out)

    @property
    def garment_files(self) -> tuple[tuple[Path, str], ...]:
        """Path and SHA-256 of every file that garments were read from."""
        if self.closet is None:
            return ()
        return tuple(sorted({file for garment in self.closet.garments for file in garment.files}))

    def _wear_pictures(self, library: Library, scene: Scene, rng: np.random.Generator) -> Scene:
        """The scene with UV pictures on its people; those of bare bodies keep their painted clothes and hair."""
        looks = draw_looks(library, [self.body.sex(person.betas) for person in scene.people], rng)
        people = (
            replace(
                person,
                look=look,
                outfit=person.outfit if look is None or look.dressed else plain_face(person.outfit),
            )
            for person, look in zip(scene.people, looks, strict=True)
        )
        return replace(scene, people=tuple(people))

    def _cut_hems(self, scene: Scene, covered: Sequence[frozenset[str]]) -> tuple[Scene, Hems]:
        """The scene whose untucked tops end above the hips, and by person the hems that carry them on, with the
        outfits that these are painted in."""
        people, hems = list(scene.people), {}
        if not self.settings.hems or self.body.name != "anny":
            return scene, {}
        for k, person in enumerate(people):
            cut = cut_hem(person.outfit)
            if cut is None or covered[k] & {"chest", "hips"}:
                continue
            people[k] = replace(person, outfit=cut[0])
            hems[k] = cut[1:]
        return replace(scene, people=tuple(people)), hems

    def _cut_shells(
        self, scene: Scene, covered: Sequence[frozenset[str]], rng: np.random.Generator
    ) -> dict[str, Array]:
        """What `Shell.dress` is given: the outfits' bytes and how they stand off."""
        outfits = [person.outfit for person in scene.people]
        cuts = draw_cuts(outfits, rng, self.settings.wrinkles if self.body.name == "anny" else 0.0)
        cuts[["scalp" in parts for parts in covered], CUT.index("hair")] = 0.0
        cuts[[person.look is not None and person.look.dressed for person in scene.people]] = UNCUT
        return {"outfits": pack_bytes(outfits), "cuts": cuts}

    def _put_on_shoes(
        self,
        scene: Scene,
        bare: Float32[Array, "p v 3"],
        covered: Sequence[frozenset[str]],
        faces: list[Int32[Array, "f 3"]],
    ) -> list[SceneMesh]:
        """Shoes on everybody with bare feet; the bodies' faces in them are taken out of `faces`."""
        shoes = []
        for k, person in enumerate(scene.people):
            if "feet" in covered[k]:
                continue
            shoes += [
                SceneMesh(mesh=mesh, owner=k + 1, layer=layer, binding=binding)
                for layer, (mesh, binding) in enumerate(self.shoemaker.fit(bare[k], person.outfit), start=1)
            ]
            shown = self.shoemaker.hide(person.outfit)
            if faces[k] is not self.body.faces:  # garments hide some too
                shown = np.where(shown.any(axis=1, keepdims=True), faces[k], np.int32(0))
            faces[k] = shown
        return shoes

    def _lay_hair(
        self, scene: Scene, posed: PosedBodies, bare: Float32[Array, "p v 3"], covered: Sequence[frozenset[str]]
    ) -> list[SceneMesh]:
        """Long hair on those who have it."""
        hair = []
        for k, person in enumerate(scene.people):
            if person.outfit.tresses is None or "scalp" in covered[k]:
                continue
            mesh, binding, fabric = self.hairdresser.fit(
                person.outfit, bare[k], posed.vertices[k], posed.joints[k], person.rotations, person.before
            )
            hair.append(SceneMesh(mesh=mesh, owner=k + 1, layer=HAIR, binding=binding, fabric=fabric))
        return hair

    def _hang_loose(
        self, scene: Scene, posed: PosedBodies, covered: Sequence[frozenset[str]], hems: Hems
    ) -> list[SceneMesh]:
        """Skirts, dresses, coats and hems on those who wear any."""
        hung = []
        for k, person in enumerate(scene.people):
            if person.outfit.loose is None or person.before is None or "hips" in covered[k]:
                continue
            mesh, binding, fabric = self.dressmaker.fit(
                person.outfit, posed.vertices[k], posed.joints[k], person.rotations, person.before
            )
            hung.append(SceneMesh(mesh=mesh, owner=k + 1, layer=LOOSE, binding=binding, fabric=fabric))
        for k, (outfit, loose) in hems.items():
            mesh, binding = self.dressmaker.hem(loose, posed.vertices[k], scene.people[k].rotations[0])
            hung.append(SceneMesh(mesh=mesh, owner=k + 1, layer=LOOSE, binding=binding, outfit=outfit))
        return hung


def open_dresser(settings: PeopleSettings, body: Body, atlas: Atlas, paint: Paint, library: Library | None) -> Dresser:
    """The dresser of a body's people, its garment files checked. Raises AssetError, ConfigurationError."""
    index = index_faces(atlas.rest_position, paint.faces)
    closet = None
    if settings.garments is not None:
        if not isinstance(body, AnnyBody) or body.name != "anny":
            raise ConfigurationError(f"people.garments: MakeHuman garments are for Anny's body, found {body.name}")
        closet = open_closet(settings.garments, body, paint, atlas.part, index)
    return Dresser(
        settings=settings,
        body=body,
        shell=Shell(paint),
        shoemaker=Shoemaker(paint, index),
        dressmaker=Dressmaker(paint, index),
        hairdresser=Hairdresser(paint, index),
        library=library,
        closet=closet,
    )


def looks_of(scene: Scene, meshes: Sequence[SceneMesh]) -> list[Look | None]:
    """The UV pictures of the outfits that a frame is painted in: the people's, and none for meshes with their own."""
    return [person.look for person in scene.people] + [None for mesh in meshes if mesh.outfit is not None]


def _without_garments(scene: Scene, k: int) -> Scene:
    people = list(scene.people)
    people[k] = replace(people[k], garments=())
    return replace(scene, people=tuple(people))
