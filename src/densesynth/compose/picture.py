"""A rasterised scene → the finished picture: backdrop, painted people, shadows, the sensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp

from densesynth.appearance.colour import linear_from_srgb
from densesynth.appearance.fabric import paint_fabric
from densesynth.appearance.material import paint_materials
from densesynth.appearance.paint import Paint, Wardrobe
from densesynth.appearance.relief import Worn, comb, comb_short, fold, measure_bends
from densesynth.arrays import Array, Float32, Int32, UInt8
from densesynth.compose.exposure import Exposure, draw_exposure, pixel_movement, take
from densesynth.compose.harmonise.harmoniser import Harmonised, Harmoniser
from densesynth.compose.harmonise.settings import Regions
from densesynth.compose.kernels import place_kernel
from densesynth.compose.occluder import OccluderLayer, blend_occluders
from densesynth.device import address
from densesynth.render.buffers import Buffers
from densesynth.render.samples import SampleArrays
from densesynth.render.sensor import encode_srgb
from densesynth.render.shade import shade
from densesynth.render.shadow import make_shadow_map
from densesynth.render.view import View
from densesynth.scene.backdrop import BackdropPicture, bound_shadow
from densesynth.scene.behind import Surroundings
from densesynth.scene.contact import MARGIN, find_contact
from densesynth.scene.meshes import SCENERY, SceneMesh
from densesynth.scene.scene import Scene
from densesynth.scene.sensor_settings import SensorSettings
from densesynth.scene.settings import PictureSettings

GREY, GREY_ROUGHNESS = 0.3, 0.6  # scenery without materials; linear
SKIN_AND_CLOTH_SPECULAR = 1.0  # strength of the highlight; 1 is a dielectric of index 1.5

Stage = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True, kw_only=True)
class LitScene:
    """A frame whose light is there, and all that the sensor needs beside it. index: the frame's. person: share of each
    pixel that shows people, or would without the occluders; None when nothing is harmonised. sensor: its random
    stream."""

    index: int
    scene: Scene
    linear: Float32[Array, "h w 3"]
    person: Float32[Array, "h w"] | None
    buffers: Buffers
    behind: BackdropPicture
    drawn: Exposure
    sensor: np.random.Generator
    occluders: OccluderLayer | None


@dataclass(frozen=True)
class Painter:
    """What turns rasterised scenes into pictures, the same for every frame of a run: `light`, `harmonise`, `expose`.

    surroundings: what stands behind the people. harmoniser: None is off. folds, combed: how deep cloth folds and how
    far strands of hair tilt the light (`appearance.relief`), 0 is off.
    """

    paint: Paint
    surroundings: Surroundings
    settings: PictureSettings
    sensor: SensorSettings
    device: str
    harmoniser: Harmoniser | None = None
    folds: float = 0.0
    combed: float = 0.0

    def light(
        self,
        index: int,
        view: View,
        scene: Scene,
        meshes: Sequence[SceneMesh],
        buffers: Buffers,
        *,
        effects: np.random.Generator,
        choice: np.random.Generator,
        backdrop: np.random.Generator,
        sensor: np.random.Generator,
        stage: Stage,
        occluders: OccluderLayer | None = None,
        wardrobe: Wardrobe | None = None,
    ) -> LitScene:
        """The light of a scene whose meshes are the view's. buffers: their body points in the view. effects, choice (of
        what stands behind), backdrop, sensor: random streams of the frame's. stage: names the span of time that
        follows, for benchmarks. occluders: what is laid over the people. wardrobe: the UV pictures that they wear."""
        drawn = draw_exposure(self.sensor, effects)
        with stage("samples"):
            samples = view.samples(self.settings.edge_samples)
        with stage("paint"):
            host = samples.to_numpy()
            points = paint_points(host, meshes, buffers)
            albedo, roughness, cloth = self.paint.evaluate(
                [*(person.outfit for person in scene.people), *(m.outfit for m in meshes if m.outfit is not None)],
                *points,
                host.footprint,
                wardrobe,
            )
            if self.folds > 0.0 or self.combed > 0.0:
                seen = gather_worn(meshes, host, *points[1:])
                if self.folds > 0.0:
                    fold_cloth(self.paint, scene, seen, cloth, self.folds, samples.normal)
                if self.combed > 0.0:
                    comb_scalps(self.paint, scene, seen, self.combed, samples.normal)
                    comb_hair(meshes, host, self.combed, samples.normal)
            paint_fabrics(host, meshes, albedo, roughness, cloth)
            paint_things(host, meshes, albedo, roughness, cloth)
        with stage("backdrop"):
            behind, lighting = self.surroundings.draw(scene, choice, backdrop, self.device, drawn.aperture <= 0.0)
        with stage("shadow map"):
            shadow = make_shadow_map(view.raster.geometry, lighting)
        with stage("ground shadow"):
            if shadow is None:
                background = behind.colour
            else:
                vertices = view.raster.geometry.vertices.numpy()
                box = bound_shadow(vertices, lighting) + np.array([[-MARGIN], [MARGIN]])
                background = behind.cast(shadow.shadow_at, box, find_contact(vertices, self.surroundings.light.contact))
        with stage("shade"):
            linear = shade(samples, albedo, roughness, SKIN_AND_CLOTH_SPECULAR, lighting, background, shadow, cloth)
        if occluders is not None:
            with stage("occluders"):
                linear = blend_occluders(linear, occluders, lighting, scene.camera)
        person = None
        if self.harmoniser is not None:
            person = 1.0 - samples.background_weight.numpy().reshape(linear.shape[:2])
        return LitScene(
            index=index,
            scene=scene,
            linear=linear,
            person=person,
            buffers=buffers,
            behind=behind,
            drawn=drawn,
            sensor=sensor,
            occluders=occluders,
        )

    def harmonise(self, lit: Sequence[LitScene]) -> list[tuple[Float32[Array, "h w 3"], Harmonised | None]]:
        """Of each frame its light, harmonised with the others', and what that did (None when off, or nothing to
        harmonise). No frame's answer depends on the others."""
        if self.harmoniser is None:
            return [(one.linear, None) for one in lit]
        return harmonise_linear(lit, self.harmoniser)

    def expose(
        self, lit: LitScene, linear: Float32[Array, "h w 3"], faces: Int32[Array, "f 3"]
    ) -> UInt8[Array, "h w 3"]:
        """The sRGB picture of a frame's light. faces: the bodies'."""
        movement, camera = None, lit.scene.camera
        if lit.drawn.shutter > 0.0:
            hidden = None if lit.occluders is None else lit.occluders.hidden
            movement = pixel_movement(lit.buffers, lit.scene.people, faces, camera, lit.drawn.shutter * 1e-3, hidden)
        return take(
            linear, lit.drawn, self.settings, lit.buffers, lit.behind, camera, movement, lit.sensor, self.device
        )


def gather_worn(
    meshes: Sequence[SceneMesh],
    host: SampleArrays,
    face: Int32[Array, "n"],
    barycentrics: Float32[Array, "n 3"],
) -> Worn:
    """What light is tilted on. face, barycentrics: the samples' body points."""
    owner = np.array([-1, *(mesh.owner - 1 for mesh in meshes)], np.int32)
    bodies = [mesh.mesh.vertices for mesh in meshes if mesh.layer == 0 and mesh.owner != SCENERY]
    return Worn(np.stack(bodies), owner[host.instance], face, barycentrics, host.footprint)


def fold_cloth(
    paint: Paint, scene: Scene, seen: Worn, cloth: Float32[Array, "n"], strength: float, normals: Any
) -> None:
    """Tilt the samples' normals (Warp's, in place) by the folds of what people wear as their bodies' own surface, and
    of what is painted as that."""
    people = scene.people
    bends = measure_bends([person.outfit for person in people], [person.rotations for person in people])
    fold(paint, bends, seen, cloth, strength, normals)


def comb_scalps(paint: Paint, scene: Scene, seen: Worn, strength: float, normals: Any) -> None:
    """As `fold_cloth`, by the strands of short hair, of people whom no picture covers."""
    outfits = [person.outfit if person.look is None else None for person in scene.people]
    comb_short(paint, outfits, seen, strength, normals)


def comb_hair(meshes: Sequence[SceneMesh], host: SampleArrays, strength: float, normals: Any) -> None:
    """Tilt the normals (Warp's, in place) of samples on hair's meshes from strand to strand."""
    tilted = None
    for number, mesh in enumerate(meshes, start=1):
        if mesh.fabric is None or "strands" not in mesh.fabric.finish:
            continue
        where = np.flatnonzero(host.instance == number)
        tilted = normals.numpy() if tilted is None else tilted
        tilted[where] = comb(
            mesh.fabric, mesh.mesh.vertices, mesh.mesh.faces, host.face[where], host.barycentrics[where],
            host.footprint[where], strength, tilted[where],
        )  # fmt: skip
    if tilted is not None and not normals.device.is_cpu:  # on a CPU these are the samples' own
        normals.assign(tilted)


def paint_points(
    host: SampleArrays, meshes: Sequence[SceneMesh], buffers: Buffers
) -> tuple[UInt8[Array, "n"], Int32[Array, "n"], Float32[Array, "n 3"]]:
    """Which outfit colours each sample (people's come first, then those of meshes that have their own), and at which
    body point: what people wear as meshes is painted by the point that it covers, and nothing (face −1) where it has a
    fabric of its own. buffers: the body points at the pixels' centres, where a pixel's only sample stands."""
    if all(mesh.layer == 0 and mesh.owner == number for number, mesh in enumerate(meshes, start=1)):
        return host.instance, host.face, host.barycentrics
    bodies = sum(mesh.layer == 0 and mesh.owner != SCENERY for mesh in meshes)
    dressed = iter(range(bodies + 1, 256))
    owner = np.array([0, *(mesh.owner if mesh.outfit is None else next(dressed) for mesh in meshes)], np.uint8)
    kind = np.array([OWN_POINT, *map(_kind_of, meshes)], np.uint8)
    face, barycentrics = host.face.copy(), host.barycentrics.copy()
    who, sought = np.empty(len(face), np.uint8), np.empty(len(face) + 1, np.int32)
    picture = np.array([address(a) for a in (buffers.face, buffers.barycentrics, owner, kind)], np.uint64)
    out = np.array([address(a) for a in (who, face, barycentrics, sought)], np.uint64)
    read = [address(a) for a in (host.instance, host.weight, host.pixel, picture, out)]
    wp.launch(place_kernel, 1, [len(face), *read], device="cpu")
    sought = sought[1 : sought[0] + 1]
    for number, mesh in enumerate(meshes, start=1):
        if mesh.binding is not None and kind[number] == COVERED_POINT:
            where = sought[host.instance[sought] == number]
            face[where], barycentrics[where] = mesh.binding.carry(host.face[where], host.barycentrics[where])
    return who, face, barycentrics


OWN_POINT, NO_POINT, COVERED_POINT = range(3)  # of a mesh: by which body point it is painted


def _kind_of(mesh: SceneMesh) -> int:
    if mesh.owner == SCENERY or mesh.fabric is not None:
        return NO_POINT
    return OWN_POINT if mesh.binding is None else COVERED_POINT


def paint_fabrics(
    host: SampleArrays,
    meshes: Sequence[SceneMesh],
    albedo: Float32[Array, "n 3"],
    roughness: Float32[Array, "n"],
    cloth: Float32[Array, "n"],
) -> None:
    """Write the colours of the meshes that have a fabric into the arrays of all samples."""
    for number, mesh in enumerate(meshes, start=1):
        if mesh.fabric is not None:
            where = np.flatnonzero(host.instance == number)
            albedo[where], roughness[where], cloth[where] = paint_fabric(
                mesh.fabric, mesh.mesh.faces, host.face[where], host.barycentrics[where], host.footprint[where]
            )


def paint_things(
    host: SampleArrays,
    meshes: Sequence[SceneMesh],
    albedo: Float32[Array, "n 3"],
    roughness: Float32[Array, "n"],
    cloth: Float32[Array, "n"],
) -> None:
    """Colour the samples of scenery, in place."""
    for number, mesh in enumerate(meshes, start=1):
        if mesh.owner != SCENERY:
            continue
        where = np.flatnonzero(host.instance == number)
        cloth[where] = 1.0
        if mesh.materials is None:
            albedo[where], roughness[where] = GREY, GREY_ROUGHNESS
        elif len(where):
            albedo[where], roughness[where] = paint_materials(
                mesh.materials, mesh.mesh.faces, host.face[where], host.barycentrics[where], host.footprint[where]
            )


def harmonise_linear(
    lit: Sequence[LitScene], harmoniser: Harmoniser
) -> list[tuple[Float32[Array, "h w 3"], Harmonised | None]]:
    """Linear light with its pasted regions harmonised; pixels without any of them, and rejected pictures, stay as they
    are. Occluders are the objects."""
    regions = [find_region(one, harmoniser.settings.regions) for one in lit]
    there = [k for k, region in enumerate(regions) if (region > 0.5).any() and not (region > 0.5).all()]
    results = harmoniser.apply(
        [encode_srgb(np.clip(lit[k].linear, 0.0, 1.0)) for k in there],
        [regions[k] for k in there],
        [lit[k].index for k in there],
    )
    answers: list[tuple[Float32[Array, "h w 3"], Harmonised | None]] = [(one.linear, None) for one in lit]
    for k, result in zip(there, results, strict=True):
        linear = lit[k].linear
        if not result.rejected:
            recoloured = linear_from_srgb(result.picture * 255.0)
            linear = np.where(regions[k][..., None] > 0.0, recoloured, linear).astype(np.float32)
        answers[k] = linear, result
    return answers


def find_region(lit: LitScene, regions: Regions) -> Float32[Array, "h w"]:
    """The share of each pixel that shows what is to be harmonised."""
    assert lit.person is not None
    objects = np.zeros_like(lit.person)
    if lit.occluders is not None:
        objects = lit.occluders.alpha.astype(np.float32) / np.float32(255.0)
    person = lit.person * (np.float32(1.0) - objects)
    return {"person": person, "object": objects, "both": person + objects}[regions]
