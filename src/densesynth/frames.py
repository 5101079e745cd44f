"""Recipe → frames: draw, pose, rasterise, label, paint. The whole straight line of one frame stands here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from time import perf_counter

import cv2
import numpy as np
import torch

from densesynth.appearance.looks import Wardrobe
from densesynth.arrays import Array, Bool, Float32, UInt8
from densesynth.bodies import open_body, open_textures
from densesynth.body.body import PosedBodies
from densesynth.compose.harmonise.harmoniser import Harmonised, open_harmoniser
from densesynth.compose.occluder import OccluderLayer, find_feet, find_reach, hide_pixels, lay_occluders, under_cutout
from densesynth.compose.picture import LitScene, Painter
from densesynth.config import Recipe
from densesynth.data.layers import pack_layers
from densesynth.data.record import FrameRecord, make_record
from densesynth.device import choose_device
from densesynth.fitting.marker_clips import fit_folder
from densesynth.label.annotate import annotate
from densesynth.label.charts import ChartLabels, label_charts
from densesynth.label.keypoints import cast_keypoints, hide_hits
from densesynth.label.owners import find_owners, groups_of, hide_layers, own_hits, see_vertices
from densesynth.label.person import Person
from densesynth.motion.source import open_clips
from densesynth.render.buffers import Buffers
from densesynth.render.render import rasterise
from densesynth.render.view import View
from densesynth.scene.backdrop import load_backdrops
from densesynth.scene.behind import Surroundings
from densesynth.scene.carried import carry
from densesynth.scene.dressing import looks_of, open_dresser
from densesynth.scene.furniture import furnish, needs_seat
from densesynth.scene.hdri import open_environments
from densesynth.scene.meshes import SceneMesh
from densesynth.scene.occluders import KINDS, draw_occluders, open_cutouts
from densesynth.scene.place import Box, bounding_box
from densesynth.scene.sample import built_in_poses, draw_scene, draw_view
from densesynth.scene.scene import PersonInScene, Scene
from densesynth.scene.seeds import Purpose, stream

STEEP = 0.7  # sine of how far up or down the camera looks, from where flat cut-outs can't stand
Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A frame that lacks its picture. posed: the bodies as dressed. buffers: without what cut-outs hide. visible: the
    bodies' vertices that are seen. worn: of what people wear and of cut-outs, the surface file's arrays."""

    index: int
    scene: Scene
    posed: PosedBodies
    buffers: Buffers
    labels: ChartLabels
    people: tuple[Person, ...]
    visible: Bool[Array, "p v"]
    worn: dict[str, Array]


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What a labelled frame is painted from. whole: the body points that are seen, cut-outs aside."""

    view: View
    meshes: list[SceneMesh]
    whole: Buffers
    cutouts: OccluderLayer | None


class Generator:
    """Makes frames: `frame(seed, index)` depends on the recipe, the seed and the index alone.

    stages: seconds spent in each stage since the start (or since the caller emptied it), for benchmarks.
    """

    def __init__(
        self, recipe: Recipe, device: str = "cpu", *, keep_geometry: bool = False, report: Report | None = None
    ) -> None:
        # One thread a process: more processes are the way to use more cores, and the bytes can't depend on scheduling.
        cv2.setNumThreads(1)
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # a damaged file has a line of ours
        torch.set_num_threads(1)
        self.recipe = recipe
        self.device = choose_device(device)
        self.keep_geometry = keep_geometry
        self.poses = built_in_poses(recipe.people.motions)
        background = recipe.background
        panoramas = None if background.environments is None else open_environments(background.environments)
        pictures = None if background.folder is None else load_backdrops(background.folder)
        self.surroundings = Surroundings(
            pictures=pictures,
            panoramas=panoramas,
            settings=background,
            light=recipe.light,
        )
        # One line for each of the user's files that the run goes on without.
        self.left_out: tuple[str, ...] = () if panoramas is None else panoramas.left_out
        self.left_out += () if pictures is None else pictures.left_out
        in_use = recipe.occluders.count[1] > 0 and recipe.occluders.folder is not None
        self.cutouts = open_cutouts(recipe.occluders.folder) if in_use and recipe.occluders.folder else None
        self.left_out += () if self.cutouts is None else self.cutouts.left_out
        assets = open_body(recipe.body, report)
        self.body, self.atlas, self.body_files = assets.body, assets.atlas, assets.files
        if (clips := recipe.people.clips) is not None:
            fitted = fit_folder(clips, assets, recipe.people.marker_set, report)
            self.poses = open_clips(clips, recipe.people.joint_names, fitted.clips, fitted.refused).draw
        harmoniser = open_harmoniser(recipe.harmonise, "cpu" if self.device == "cpu" else "cuda")
        paint = assets.make_paint(self.device)
        if recipe.people.expressions > 0.0 and assets.joined is None:
            paint = paint.with_teeth()
        self.trunk = paint.trunk if self.body.name == "anny" else None
        self.library = open_textures(recipe.appearance, assets, paint)
        self.dresser = open_dresser(recipe.people, self.body, self.atlas, paint, self.library)
        self.left_out += self.dresser.left_out
        self.painter = Painter(
            paint,
            self.surroundings,
            recipe.picture,
            recipe.sensor,
            self.device,
            harmoniser,
            recipe.people.folds if self.body.name == "anny" else 0.0,
            recipe.people.combed,
        )
        self.stages: dict[str, float] = {}
        self._kept: tuple[int, int, Scene, PosedBodies, dict[str, Array], list[SceneMesh], Box] | None = None

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        start = perf_counter()
        yield
        self.stages[name] = self.stages.get(name, 0.0) + perf_counter() - start

    def jpeg_quality(self, seed: int, index: int) -> int:
        """Quality of frame `index`'s JPEG, 1 to 100."""
        low, high = self.recipe.picture.jpeg_range
        return low if low == high else int(stream(seed, index, Purpose.JPEG).integers(low, high, endpoint=True))

    def _scene(self, seed: int, index: int) -> tuple[Scene, PosedBodies, dict[str, Array], list[SceneMesh]]:
        """The scene of frame `index`, its bodies as dressed, what they are dressed in, and its meshes. Frames of
        one rig differ by their camera alone, so the last scene is kept."""
        recipe, number = self.recipe, index // self.recipe.camera.rig
        if self._kept is not None and self._kept[:2] == (seed, number):
            with self._stage("scene and pose"):
                scene, posed, worn, meshes, subject = self._kept[2:]
                view = draw_view(recipe.camera, recipe.lens, recipe.picture, subject, seed, index, recipe.fisheye)
                return replace(scene, camera=view), posed, worn, meshes
        with self._stage("scene and pose"):
            scene, posed = draw_scene(
                recipe.people,
                self.poses,
                recipe.camera,
                recipe.lens,
                recipe.picture,
                self.body,
                seed,
                index,
                recipe.light,
                moving=recipe.sensor.shutter[1] > 0.0,
                fisheye=recipe.fisheye,
            )
        subject = bounding_box(posed.vertices[0])
        dressed = self.dresser.dress(scene, posed, seed, number, self._stage)
        scene, posed = dressed.scene, dressed.posed
        meshes = dressed.bodies + dressed.garments
        carried: list[SceneMesh] = []
        if recipe.furniture.carried > 0.0:
            with self._stage("carried"):
                seated = [
                    person.motion == "sit" or needs_seat(joints)
                    for person, joints in zip(scene.people, posed.joints, strict=True)
                ]
                rng = stream(seed, number, Purpose.CARRIED)
                carried = carry(recipe.furniture.carried, posed, seated, dressed.garments, self.trunk, rng)
                meshes += carried
        if recipe.furniture.seats or recipe.furniture.count[1] > 0:
            with self._stage("furniture"):
                motions = [person.motion for person in scene.people]
                rng = stream(seed, number, Purpose.FURNITURE)
                meshes += furnish(recipe.furniture, posed, motions, scene.camera, rng, carried)
        if recipe.camera.rig > 1:
            self._kept = (seed, number, scene, posed, dressed.worn, meshes, subject)
        return scene, posed, dressed.worn, meshes

    def frame(self, seed: int, index: int) -> FrameRecord:
        """Frame `index` (≥ 0) of the run with `seed` (≥ 0)."""
        return next(self.frames(seed, [index]))

    def frames(self, seed: int, indices: Sequence[int]) -> Iterator[FrameRecord]:
        """Frames in a row: those that `batches` puts together are drawn first, then harmonised together, then finished
        one by one. A frame's bytes are those of `frame`."""
        for batch in self.batches(indices):
            drawn = [self._draw(seed, index) for index in batch]
            with self._stage("harmonise"):
                light = self.painter.harmonise([lit for _, lit in drawn])
            for (labelled, lit), (linear, harmonised) in zip(drawn, light, strict=True):
                with self._stage("sensor"):
                    picture = self.painter.expose(lit, linear, self.body.faces)
                with self._stage("record"):
                    record = self._record(seed, labelled, picture, harmonised)
                yield record

    def label(self, seed: int, index: int) -> Labelled:
        """Frame `index` without its picture, 1.7 times as fast: the labels are those of `frame`."""
        return self._label(seed, index)[0]

    def batches(self, indices: Sequence[int]) -> list[list[int]]:
        """The indices, cut where a batch of the harmoniser's ends; one by one where there is none."""
        harmoniser = self.painter.harmoniser
        size = 1 if harmoniser is None else harmoniser.batch
        return [list(group) for _, group in groupby(indices, lambda index: index // size)]

    def _draw(self, seed: int, index: int) -> tuple[Labelled, LitScene]:
        """Draw, render and label a frame, and light it."""
        labelled, seen = self._label(seed, index)
        wardrobe = None if self.library is None else Wardrobe(self.library, looks_of(labelled.scene, seen.meshes))
        lit = self.painter.light(
            index,
            seen.view,
            labelled.scene,
            seen.meshes,
            seen.whole,
            effects=stream(seed, index, Purpose.EXPOSURE),
            choice=stream(seed, index // self.recipe.camera.rig, Purpose.SURROUNDINGS),
            backdrop=stream(seed, index, Purpose.BACKDROP),
            sensor=stream(seed, index, Purpose.SENSOR),
            stage=self._stage,
            occluders=seen.cutouts,
            wardrobe=wardrobe,
        )
        return labelled, lit

    def _label(self, seed: int, index: int) -> tuple[Labelled, _Seen]:
        """Draw, render and label a frame."""
        recipe = self.recipe
        scene, posed, worn, meshes = self._scene(seed, index)
        with self._stage("rasterise"):
            view = rasterise([mesh.mesh for mesh in meshes], scene.camera, self.device, groups_of(meshes))
            buffers, layers = find_owners(view.buffers(), meshes)
        with self._stage("visibility"):
            visible = see_vertices(view, meshes, buffers, layers, posed, self.atlas.rest_position, self.atlas.faces)
            hits = own_hits(cast_keypoints(view, posed), meshes)
        kinds = len(KINDS) if self.cutouts is None else len(self.cutouts.paths)
        drawn = draw_occluders(recipe.occluders, len(posed.vertices), kinds, stream(seed, index, Purpose.OCCLUDERS))
        cutouts = None
        if drawn:
            with self._stage("occluders"):
                feet = find_feet(scene.camera, posed.vertices)
                upright = abs(float(scene.camera.camera_from_world[2, 2])) < STEEP
                reach = find_reach(scene.camera, posed.vertices)
                cutouts = lay_occluders(drawn, buffers.instance, self.cutouts, feet, upright, buffers.depth, reach)
        over: dict[str, Array] = {}
        whole = buffers
        if cutouts is not None:
            over = {"occluder_alpha": cutouts.alpha}
            buffers, layers = hide_pixels(buffers, cutouts.hidden), hide_layers(layers, cutouts.hidden)
            visible = visible.copy()
            visible[visible] = ~under_cutout(scene.camera, posed.vertices[visible][None], cutouts.hidden)[0]
            hits = hide_hits(hits, under_cutout(scene.camera, posed.keypoints, cutouts.hidden))
        with self._stage("labels"):
            labels = label_charts(buffers, self.atlas)
            people = annotate(
                labels,
                buffers,
                scene.camera,
                self.atlas,
                posed,
                visible,
                hits,
                stream(seed, index, Purpose.POINTS),
            )
        labelled = Labelled(
            index=index,
            scene=scene,
            posed=posed,
            buffers=buffers,
            labels=labels,
            people=people,
            visible=visible,
            worn=worn | pack_layers(layers, meshes) | over,
        )
        return labelled, _Seen(view=view, meshes=meshes, whole=whole, cutouts=cutouts)

    def _record(
        self, seed: int, labelled: Labelled, picture: UInt8[Array, "h w 3"], harmonised: Harmonised | None
    ) -> FrameRecord:
        people = labelled.scene.people
        return make_record(
            index=labelled.index,
            seed=seed,
            picture=picture,
            harmonised=harmonised,
            labels=labelled.labels,
            buffers=labelled.buffers,
            camera=labelled.scene.camera,
            people=labelled.people,
            betas=np.stack([person.betas for person in people]),
            rotations=np.stack([person.rotations for person in people]),
            transl=np.stack([person.transl for person in people]),
            expression=self._expression(people),
            posed=labelled.posed,
            visible_vertices=labelled.visible,
            face_count=len(self.body.faces),
            keep_geometry=self.keep_geometry,
            worn=labelled.worn,
            files=self.dresser.name_files(labelled.scene),
        )

    def _expression(self, people: Sequence[PersonInScene]) -> Float32[Array, "p e"] | None:
        """Everybody's face; None where all are neutral."""
        if all(person.expression is None for person in people):
            return None
        neutral = np.zeros(len(self.body.expression_names), np.float32)
        return np.stack([neutral if person.expression is None else person.expression for person in people])
