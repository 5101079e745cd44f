"""A rasterised scene → the finished picture: backdrop, painted people, shadows, the sensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from densesynth.appearance.colour import linear_from_srgb
from densesynth.appearance.fabric import paint_fabric
from densesynth.appearance.paint import Paint, Wardrobe
from densesynth.arrays import Array, Float32, Int32, UInt8
from densesynth.compose.exposure import draw_exposure, pixel_velocity, take
from densesynth.compose.harmonise.harmoniser import Harmonised, Harmoniser
from densesynth.compose.occluder import OccluderLayer, blend_occluders
from densesynth.render.buffers import Buffers
from densesynth.render.samples import SampleArrays
from densesynth.render.sensor import encode_srgb
from densesynth.render.shade import shade
from densesynth.render.shadow import make_shadow_map
from densesynth.render.view import View
from densesynth.scene.backdrop import bound_shadow
from densesynth.scene.behind import Surroundings
from densesynth.scene.contact import MARGIN, find_contact
from densesynth.scene.meshes import SCENERY, SceneMesh
from densesynth.scene.scene import Scene
from densesynth.scene.sensor_settings import SensorSettings
from densesynth.scene.settings import PictureSettings

GREY = 0.3  # linear; scenery without colours
SKIN_AND_CLOTH_SPECULAR = 1.0  # strength of the highlight; 1 is a dielectric of index 1.5

Stage = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True)
class Painter:
    """What turns rasterised scenes into pictures, the same for every frame of a run.

    surroundings: what stands behind the people. harmoniser: None is off.
    """

    paint: Paint
    surroundings: Surroundings
    settings: PictureSettings
    sensor: SensorSettings
    device: str
    harmoniser: Harmoniser | None = None

    def picture(
        self,
        view: View,
        scene: Scene,
        meshes: Sequence[SceneMesh],
        buffers: Buffers,
        faces: Int32[Array, "f 3"],
        *,
        effects: np.random.Generator,
        choice: np.random.Generator,
        backdrop: np.random.Generator,
        sensor: np.random.Generator,
        stage: Stage,
        occluders: OccluderLayer | None = None,
        wardrobe: Wardrobe | None = None,
    ) -> tuple[UInt8[Array, "h w 3"], Harmonised | None]:
        """The sRGB picture of a scene whose meshes are the view's, and what harmonisation did to it (None when off, or
        nothing to harmonise). buffers: their body points in the view. faces: the bodies'. effects, choice (of what
        stands behind), backdrop, sensor: their random streams. stage: names the span of time that follows, for
        benchmarks. occluders: what is laid over the people. wardrobe: the UV pictures that they wear."""
        drawn = draw_exposure(self.sensor, effects)
        with stage("samples"):
            samples = view.samples(self.settings.edge_samples)
        with stage("paint"):
            host = samples.to_numpy()
            albedo, roughness, cloth = self.paint.evaluate(
                [person.outfit for person in scene.people],
                *paint_points(host, meshes, buffers),
                host.footprint,
                wardrobe,
            )
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
        harmonised = None
        if self.harmoniser is not None:
            with stage("harmonise"):
                share = 1.0 - samples.background_weight.numpy().reshape(linear.shape[:2])
                linear, harmonised = harmonise_linear(linear, share, self.harmoniser, occluders)
        with stage("sensor"):
            velocity = pixel_velocity(buffers, scene.people, faces, scene.camera) if drawn.shutter > 0.0 else None
            if velocity is not None and occluders is not None:
                velocity *= ~occluders.hidden[..., None]  # objects stand still
            picture = take(linear, drawn, self.settings, buffers, behind, scene.camera, velocity, sensor, self.device)
            return picture, harmonised


def paint_points(
    host: SampleArrays, meshes: Sequence[SceneMesh], buffers: Buffers
) -> tuple[UInt8[Array, "n"], Int32[Array, "n"], Float32[Array, "n 3"]]:
    """Whose paint colours each sample, and at which body point: what people wear as meshes is painted by the point that
    it covers, and nothing (face −1) where it has a fabric of its own. buffers: the body points at the pixels' centres,
    where a pixel's only sample stands."""
    if all(mesh.layer == 0 and mesh.owner == number for number, mesh in enumerate(meshes, start=1)):
        return host.instance, host.face, host.barycentrics
    owner = np.array([0, *(mesh.owner for mesh in meshes)], np.uint8)
    worn = np.array([False, *(mesh.binding is not None for mesh in meshes)])
    face, barycentrics = host.face.copy(), host.barycentrics.copy()
    face[owner[host.instance] == SCENERY] = -1
    covers = np.flatnonzero(worn[host.instance])
    alone = host.weight[covers] == 1.0
    known, sought = covers[alone], covers[~alone]
    pixel = host.pixel[known]
    face[known] = buffers.face.reshape(-1)[pixel]
    barycentrics[known] = buffers.barycentrics.reshape(-1, 3).take(pixel, axis=0)
    for number, mesh in enumerate(meshes, start=1):
        if mesh.fabric is not None:
            face[host.instance == number] = -1
        elif mesh.binding is not None:
            where = sought[host.instance[sought] == number]
            face[where], barycentrics[where] = mesh.binding.carry(host.face[where], host.barycentrics[where])
    return owner[host.instance], face, barycentrics


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
    """Colour the samples of scenery, in place: each face's own colour, with a faint grain."""
    for number, mesh in enumerate(meshes, start=1):
        if mesh.owner != SCENERY:
            continue
        where = np.flatnonzero(host.instance == number)
        at = host.position[where]
        wave = np.sin(23.0 * at[:, 0] + 31.0 * at[:, 1] + 2.0 * np.sin(7.0 * at[:, 2]))
        fade = np.clip(1.0 - host.footprint[where] * 12.0, 0.0, 1.0)  # gone before a pixel holds half a wave
        base = np.float32(GREY) if mesh.colours is None else mesh.colours[host.face[where]]
        albedo[where] = base * (1.0 + 0.05 * wave * fade)[:, None].astype(np.float32)
        roughness[where], cloth[where] = mesh.roughness, 1.0


def harmonise_linear(
    linear: Float32[Array, "h w 3"],
    person: Float32[Array, "h w"],
    harmoniser: Harmoniser,
    occluders: OccluderLayer | None = None,
) -> tuple[Float32[Array, "h w 3"], Harmonised | None]:
    """Linear light with its pasted regions harmonised; pixels without any of them, and rejected pictures, stay as they
    are. person: share of each pixel that shows people, or would without the occluders, which are the objects."""
    objects = np.zeros_like(person) if occluders is None else occluders.alpha.astype(np.float32) / np.float32(255.0)
    person = person * (np.float32(1.0) - objects)
    region = {"person": person, "object": objects, "both": person + objects}[harmoniser.settings.regions]
    if not (region > 0.5).any() or (region > 0.5).all():
        return linear, None
    (result,) = harmoniser.apply([encode_srgb(np.clip(linear, 0.0, 1.0))], [region])
    if result.rejected:
        return linear, result
    return np.where(region[..., None] > 0.0, linear_from_srgb(result.picture * 255.0), linear).astype(
        np.float32
    ), result
