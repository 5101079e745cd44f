"""Recipe → frames: draw, pose, rasterise, label, paint. The whole straight line of one frame stands here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
import torch

from densesynth.appearance.hairdresser import Hairdresser
from densesynth.appearance.hem import cut_hem
from densesynth.appearance.layout import pack_bytes
from densesynth.appearance.looks import Library, Look, Wardrobe, draw_looks, plain_face
from densesynth.appearance.loose import Dressmaker
from densesynth.appearance.outfit import Loose, Outfit
from densesynth.appearance.paint import Paint
from densesynth.appearance.shell import CUT, UNCUT, Shell, draw_cuts
from densesynth.appearance.shoes import Shoemaker
from densesynth.arrays import Array, Bool, UInt8
from densesynth.bodies import open_body, open_textures
from densesynth.body.anny import AnnyBody
from densesynth.body.body import PosedBodies
from densesynth.compose.harmonise.harmoniser import Harmonised, open_harmoniser
from densesynth.compose.occluder import find_feet, find_reach, hide_pixels, lay_occluders, under_cutout
from densesynth.compose.picture import LitScene, Painter
from densesynth.config import Recipe
from densesynth.data.layers import pack_layers
from densesynth.data.record import FrameRecord, make_record
from densesynth.device import choose_device
from densesynth.errors import ConfigurationError
from densesynth.geometry.mesh import Mesh
from densesynth.label.annotate import annotate
from densesynth.label.charts import ChartLabels, label_charts
from densesynth.label.keypoints import cast_keypoints, hide_hits
from densesynth.label.owners import find_owners, groups_of, hide_layers, own_hits, see_vertices
from densesynth.label.person import Person
from densesynth.marker_clips import fit_folder
from densesynth.motion.source import open_clips
from densesynth.render.buffers import Buffers
from densesynth.render.render import rasterise
from densesynth.scene.backdrop import load_backdrops
from densesynth.scene.behind import Surroundings
from densesynth.scene.carried import carry
from densesynth.scene.closet import Closet, dress_people, open_closet
from densesynth.scene.furniture import furnish, needs_seat
from densesynth.scene.hdri import open_environments
from densesynth.scene.meshes import SceneMesh
from densesynth.scene.occluders import KINDS, draw_occluders, open_cutouts
from densesynth.scene.place import Box, bounding_box
from densesynth.scene.sample import built_in_poses, draw_scene, draw_view
from densesynth.scene.scene import Scene
from densesynth.scene.seeds import Purpose, stream
from densesynth.surface.binding import index_faces

STEEP = 0.7  # sine of how far up or down the camera looks, from where flat cut-outs can't stand
Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    """A frame that lacks its picture. lit: its light; lit.buffers have no occluders, `buffers` do."""

    lit: LitScene
    buffers: Buffers
    labels: ChartLabels
    people: tuple[Person, ...]
    posed: PosedBodies
    visible: Bool[Array, "p v"]
    worn: dict[str, Array]


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
        self.shell = Shell(paint)
        self.trunk = paint.trunk if self.body.name == "anny" else None
        self.library = open_textures(recipe.appearance, assets, paint)
        self.left_out += () if self.library is None else self.library.left_out
        index = index_faces(self.atlas.rest_position, paint.faces)
        self.shoemaker = Shoemaker(paint, index)
        self.dressmaker = Dressmaker(paint, index)
        self.hairdresser = Hairdresser(paint, index)
        self.closet = self._open_closet(paint)
        self.left_out += () if self.closet is None else self.closet.left_out
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

    def _open_closet(self, paint: Paint) -> Closet | None:
        folder = self.recipe.people.garments
        if folder is None:
            return None
        if not isinstance(self.body, AnnyBody) or self.body.name != "anny":
            raise ConfigurationError(f"people.garments: MakeHuman garments are for Anny's body, found {self.body.name}")
        return open_closet(folder, self.body, paint, self.atlas)

    @property
    def garment_files(self) -> tuple[tuple[Path, str], ...]:
        """Path and SHA-256 of every file that garments were read from."""
        if self.closet is None:
            return ()
        return tuple(sorted({file for garment in self.closet.garments for file in garment.files}))

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
        if self.library is not None:
            scene = self._wear_pictures(self.library, scene, stream(seed, number, Purpose.LOOKS))
        subject, worn = bounding_box(posed.vertices[0]), {}
        garments: list[SceneMesh] = []
        body_faces = [self.body.faces] * len(scene.people)
        covered: list[frozenset[str]] = [frozenset()] * len(scene.people)
        if self.closet is not None:
            with self._stage("garments"):
                rng = stream(seed, number, Purpose.GARMENTS)
                scene, garments, body_faces, covered = dress_people(
                    self.closet, recipe.people.garment_share, scene, posed, rng
                )
                # Clothes on a picture are all that its wearer has.
                for k, person in enumerate(scene.people, start=1):
                    if person.look is not None and person.look.dressed:
                        garments = [mesh for mesh in garments if mesh.owner != k]
                        body_faces[k - 1], covered[k - 1] = self.body.faces, frozenset()
        hems: dict[int, tuple[Outfit, Loose]] = {}
        if recipe.people.shells:
            with self._stage("clothes"):
                if recipe.people.hems and self.body.name == "anny":
                    scene, hems = self._cut_hems(scene, covered)
                outfits = [person.outfit for person in scene.people]
                cuts = draw_cuts(outfits, stream(seed, number, Purpose.CUTS))
                pictured = [person.look is not None and person.look.dressed for person in scene.people]
                cuts[pictured] = UNCUT
                cuts[["scalp" in parts for parts in covered], CUT.index("hair")] = 0.0
                worn = {"outfits": pack_bytes(outfits), "cuts": cuts}
                if self.body.name == "anny":  # shoes are shaped over its foot
                    for owner, (bare, outfit) in enumerate(zip(posed.vertices, outfits, strict=True), start=1):
                        if pictured[owner - 1] or "feet" in covered[owner - 1]:
                            continue
                        for layer, (mesh, binding) in enumerate(self.shoemaker.fit(bare, outfit), start=1):
                            garments.append(SceneMesh(mesh=mesh, owner=owner, layer=layer, binding=binding))
                        shown = self.shoemaker.hide(outfit)
                        if body_faces[owner - 1] is not self.body.faces:  # both hide
                            shown = np.where(shown.any(axis=1, keepdims=True), body_faces[owner - 1], np.int32(0))
                        body_faces[owner - 1] = shown
                bodies_bare = posed.vertices
                posed = replace(posed, vertices=self.shell.dress(posed.vertices, **worn))
            with self._stage("long hair"):
                for k, person in enumerate(scene.people):
                    if person.outfit.tresses is None or "scalp" in covered[k] or pictured[k]:
                        continue
                    mesh, binding, fabric = self.hairdresser.fit(
                        person.outfit,
                        bodies_bare[k],
                        posed.vertices[k],
                        posed.joints[k],
                        person.rotations,
                        person.before,
                    )
                    garments.append(SceneMesh(mesh=mesh, owner=k + 1, layer=8, binding=binding, fabric=fabric))
            with self._stage("loose clothes"):
                for k, person in enumerate(scene.people):
                    if person.outfit.loose is None or person.before is None or "hips" in covered[k] or pictured[k]:
                        continue
                    mesh, binding, fabric = self.dressmaker.fit(
                        person.outfit, posed.vertices[k], posed.joints[k], person.rotations, person.before
                    )
                    garments.append(SceneMesh(mesh=mesh, owner=k + 1, layer=9, binding=binding, fabric=fabric))
                for k, (outfit, loose) in hems.items():
                    mesh, binding = self.dressmaker.hem(loose, posed.vertices[k], scene.people[k].rotations[0])
                    garments.append(SceneMesh(mesh=mesh, owner=k + 1, layer=9, binding=binding, outfit=outfit))
        bodies = [
            SceneMesh(mesh=Mesh(vertices, faces), owner=owner)
            for owner, (vertices, faces) in enumerate(zip(posed.vertices, body_faces, strict=True), start=1)
        ]
        meshes = bodies + garments
        carried: list[SceneMesh] = []
        if recipe.furniture.carried > 0.0:
            with self._stage("carried"):
                seated = [
                    person.motion == "sit" or needs_seat(joints)
                    for person, joints in zip(scene.people, posed.joints, strict=True)
                ]
                rng = stream(seed, number, Purpose.CARRIED)
                carried = carry(recipe.furniture.carried, posed, seated, garments, self.trunk, rng)
                meshes += carried
        if recipe.furniture.seats or recipe.furniture.count[1] > 0:
            with self._stage("furniture"):
                motions = [person.motion for person in scene.people]
                rng = stream(seed, number, Purpose.FURNITURE)
                meshes += furnish(recipe.furniture, posed, motions, scene.camera, rng, carried)
        if recipe.camera.rig > 1:
            self._kept = (seed, number, scene, posed, worn, meshes, subject)
        return scene, posed, worn, meshes

    def _cut_hems(
        self, scene: Scene, covered: Sequence[frozenset[str]]
    ) -> tuple[Scene, dict[int, tuple[Outfit, Loose]]]:
        """The scene whose untucked tops end above the hips, and by person the hems that carry them on, with the
        outfits that these are painted in."""
        people, hems = list(scene.people), {}
        for k, person in enumerate(people):
            cut = cut_hem(person.outfit)
            if cut is None or covered[k] & {"chest", "hips"} or (person.look is not None and person.look.dressed):
                continue
            people[k] = replace(person, outfit=cut[0])
            hems[k] = cut[1:]
        return replace(scene, people=tuple(people)), hems

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

    def frame(self, seed: int, index: int) -> FrameRecord:
        """Frame `index` (≥ 0) of the run with `seed` (≥ 0)."""
        return next(self.frames(seed, [index]))

    def frames(self, seed: int, indices: Sequence[int]) -> Iterator[FrameRecord]:
        """Frames in a row: those that `batches` puts together are drawn first, then harmonised together, then finished
        one by one. A frame's bytes are those of `frame`."""
        for batch in self.batches(indices):
            drawn = [self._draw(seed, index) for index in batch]
            with self._stage("harmonise"):
                light = self.painter.harmonise([one.lit for one in drawn])
            for one, (linear, harmonised) in zip(drawn, light, strict=True):
                with self._stage("sensor"):
                    picture = self.painter.expose(one.lit, linear, self.body.faces)
                with self._stage("record"):
                    record = self._record(seed, one, picture, harmonised)
                yield record

    def batches(self, indices: Sequence[int]) -> list[list[int]]:
        """The indices, cut where a batch of the harmoniser's ends; one by one where there is none."""
        harmoniser = self.painter.harmoniser
        size = 1 if harmoniser is None else harmoniser.batch
        return [list(group) for _, group in groupby(indices, lambda index: index // size)]

    def _draw(self, seed: int, index: int) -> _Drawn:
        """Draw, render and label a frame, up to its light."""
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
            visible = visible & ~under_cutout(scene.camera, posed.vertices, cutouts.hidden)
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
        lit = self.painter.light(
            index,
            view,
            scene,
            meshes,
            whole,
            effects=stream(seed, index, Purpose.EXPOSURE),
            choice=stream(seed, index // recipe.camera.rig, Purpose.SURROUNDINGS),
            backdrop=stream(seed, index, Purpose.BACKDROP),
            sensor=stream(seed, index, Purpose.SENSOR),
            stage=self._stage,
            occluders=cutouts,
            wardrobe=None if self.library is None else Wardrobe(self.library, looks_of(scene, meshes)),
        )
        return _Drawn(
            lit=lit,
            buffers=buffers,
            labels=labels,
            people=people,
            posed=posed,
            visible=visible,
            worn=worn | pack_layers(layers, meshes) | over,
        )

    def _record(
        self, seed: int, drawn: _Drawn, picture: UInt8[Array, "h w 3"], harmonised: Harmonised | None
    ) -> FrameRecord:
        scene = drawn.lit.scene
        return make_record(
            index=drawn.lit.index,
            seed=seed,
            picture=picture,
            harmonised=harmonised,
            labels=drawn.labels,
            buffers=drawn.buffers,
            camera=scene.camera,
            people=drawn.people,
            betas=np.stack([person.betas for person in scene.people]),
            rotations=np.stack([person.rotations for person in scene.people]),
            transl=np.stack([person.transl for person in scene.people]),
            posed=drawn.posed,
            visible_vertices=drawn.visible,
            face_count=len(self.body.faces),
            keep_geometry=self.keep_geometry,
            worn=drawn.worn,
        )


def looks_of(scene: Scene, meshes: Sequence[SceneMesh]) -> list[Look | None]:
    """The UV pictures of the outfits that a frame is painted in: the people's, and none for meshes with their own."""
    return [person.look for person in scene.people] + [None for mesh in meshes if mesh.outfit is not None]
