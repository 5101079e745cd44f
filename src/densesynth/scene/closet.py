"""A folder of `.mhclo` garments and hair that people may wear: who wears what, and laying it onto them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from densesynth.appearance.colour import as_colour, draw_apart, draw_cloth_colour, linear_from_srgb
from densesynth.appearance.fabric import Fabric, Texture, Weave
from densesynth.appearance.mhclo import Garment, place_garment, read_mhclo
from densesynth.appearance.outfit import Cloth, HairKind, Outfit
from densesynth.appearance.paint import FIELDS, Paint
from densesynth.arrays import Array, Bool, Float32, Float64, Int32, UInt8
from densesynth.body.anny import AnnyBody
from densesynth.body.base_mesh import BaseMesh, load_base_mesh
from densesynth.body.body import PosedBodies
from densesynth.geometry.mesh import Mesh
from densesynth.scene.asset_folder import keep_readable
from densesynth.scene.meshes import SceneMesh
from densesynth.scene.scene import PersonInScene, Scene
from densesynth.surface.binding import Binding, FaceIndex, bind_vertices
from densesynth.surface.closest import closest_points, vertex_normals
from densesynth.surface.covered import find_covered_vertices
from densesynth.surface.locate import Located
from densesynth.surface.parts import FINE_NAMES

COVERED = frozenset({"chest", "hips", "shins", "feet", "scalp"})  # what a body's clothes can cover
SLOTS = ("clothes", "shoes", "hair", "hat")
WORN = {"clothes": 1.0, "shoes": 0.7, "hair": 0.6, "hat": 0.15}  # how often a slot is filled, for those who wear any
HEAD = tuple(number for number, name in enumerate(FINE_NAMES) if "head" in name.lower())
TRIM = 0.05  # metres: smaller pieces are buttons, buckles, laces
OVER, EDGE_RINGS = 0.04, 1  # metres to the garment above a vertex that it covers; rings of vertices kept at its edge
LOW_SHOE = 0.08  # metres: the highest shoe below long trousers
CLEAR, FURTHEST = 0.003, 0.03  # metres between a garment and the body under it; how far a vertex is moved for that
LIGHTER_STRANDS = 1.15  # hair as a mesh lies in more of its own shade than the painted one


@dataclass(frozen=True, kw_only=True, eq=False)
class Piece:
    """A garment made ready.

    slot: of SLOTS. skin: vertices × bones. below: the body point that each vertex hangs on. hides: Anny's faces under
    it. covers: those of COVERED but the scalp that it covers. roles: of each of the weave's pieces: top,
    inner, bottom, upper (of a shoe), sole, trim, hair.
    """

    garment: Garment
    slot: str
    skin: csr_array
    binding: Binding
    below: Located
    hides: Bool[Array, "f"]
    covers: frozenset[str]
    weave: Weave
    roles: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Closet:
    """Garments of a folder that can be worn, in the order of their names. left_out: one line for each file that can't
    be used. part: the fine part of each of the body's faces. index: of the body that labels are interpolated on."""

    folder: Path
    paths: tuple[Path, ...]
    left_out: tuple[str, ...]
    garments: tuple[Garment, ...]
    body: AnnyBody
    base: BaseMesh
    paint: Paint
    part: UInt8[Array, "f"]
    index: FaceIndex
    _made: dict[int, Piece] = field(default_factory=dict)

    def name(self, number: int) -> str:
        """A garment's path within the folder."""
        return self.paths[number].relative_to(self.folder).as_posix()

    def draw(self, share: float, sex: float, rng: np.random.Generator) -> tuple[int, ...]:
        """What one person wears of it: numbers of garments, at most one a slot, nothing for most of 1 − `share`.
        sex: 0 male .. 1 female; garments tagged for the other sex are left to it."""
        chances = rng.random(1 + len(SLOTS))
        picks = rng.random(len(SLOTS))
        if chances[0] >= share:
            return ()
        other = "male" if sex > 0.5 else "female"
        worn = []
        for slot, chance, pick in zip(SLOTS, chances[1:], picks, strict=True):
            choice = [k for k, garment in enumerate(self.garments) if slot_of(garment, self.paths[k]) == slot]
            choice = [k for k in choice if other not in self.garments[k].tags] or choice
            if choice and chance < WORN[slot]:
                worn.append(choice[int(pick * len(choice))])
        return tuple(worn)

    def undress(self, outfit: Outfit, worn: Sequence[int]) -> Outfit:
        """The outfit without what would lie under the garments."""
        covered = self.covers(worn)
        slots = {self.piece(k).slot for k in worn}
        if "chest" in covered:
            bare = replace(outfit.top, kind="t-shirt", hem=9.0, sleeve=-9.0, collar=False, placket=False, opening=0.0)
            outfit = replace(outfit, top=replace(bare, tucked=False, neck_rise=-9.0))
        if "hips" in covered:
            outfit = replace(outfit, bottom=replace(outfit.bottom, kind="leggings", waist=-9.0, hem=-9.0, belt=0.0))
        if "shins" in covered:
            outfit = replace(outfit, footwear=replace(outfit.footwear, top=min(outfit.footwear.top, LOW_SHOE)))
        if "feet" in covered:
            outfit = replace(outfit, footwear=replace(outfit.footwear, top=0.0, sock_top=0.0))
        if slots & {"hair", "hat"}:
            kind: HairKind = "short" if "hair" in slots else "bald" if outfit.hair.kind == "bald" else "buzz"
            scalp = replace(outfit.hair, kind=kind, recede=min(outfit.hair.recede, 0.0))
            outfit = replace(outfit, headwear="none", hair=scalp)
        return outfit

    def covers(self, worn: Sequence[int]) -> frozenset[str]:
        """Of COVERED those that are covered."""
        scalp = {"scalp"} if any(self.piece(k).slot == "hair" for k in worn) else set()
        return frozenset(scalp).union(*(self.piece(k).covers for k in worn))

    def hide(self, faces: Int32[Array, "f 3"], worn: Sequence[int]) -> Int32[Array, "f 3"]:
        """The body's faces, those under the garments shrunk to a point, so that nothing pokes through."""
        hidden = np.zeros(len(faces), bool)
        for k in worn:
            hidden |= self.piece(k).hides
        faces = faces.copy()
        faces[hidden] = 0
        return faces

    def fit(
        self,
        worn: Sequence[int],
        person: PersonInScene,
        posed: Float32[Array, "v 3"],
        rng: np.random.Generator,
    ) -> list[tuple[Mesh, Binding, Fabric]]:
        """The garments on a posed body (world, metres), outside of it, in the colours of the person's outfit where no
        material is given."""
        rest = self.base.place(self.body.at_rest(person.betas, person.expression))
        turn, shift = self.body.bones(person.betas, person.rotations, person.transl)
        moves = np.concatenate([turn.reshape(-1, 9), shift], axis=1)
        fitted = []
        for k in worn:
            piece = self.piece(k)
            at_rest = place_garment(piece.garment, rest)
            move = piece.skin @ moves
            placed = np.einsum("nij,nj->ni", move[:, :9].reshape(-1, 3, 3), at_rest) + move[:, 9:]
            placed = push_out(placed, posed, self.body.faces, piece)
            fabric = draw_fabric_of(piece, person.outfit, rng)
            fitted.append((Mesh(placed.astype(np.float32), piece.garment.faces), piece.binding, fabric))
        return fitted

    def piece(self, number: int) -> Piece:
        """Garment `number` made ready; kept."""
        if number not in self._made:
            self._made[number] = self._make(self.garments[number], self.paths[number])
        return self._made[number]

    def _make(self, garment: Garment, path: Path) -> Piece:
        average = self.base.average
        base = self.base.place(average.astype(np.float32))
        vertices = place_garment(garment, base)
        slot = slot_of(garment, path)
        # The points that it hangs on, not those it hangs at: what lies far from the body stays with its own limb.
        hangs = np.einsum("nk,nkc->nc", garment.weights, base[garment.base])
        allowed = self.paint.category == 0
        if slot == "hair":
            allowed &= np.isin(self.part, HEAD)
        rows = np.flatnonzero(allowed)
        found = closest_points(hangs, average, self.body.faces[rows]).located
        located = found._replace(face=rows[found.face].astype(np.int32))
        weights = np.clip(garment.weights, 0.0, None)
        weights /= weights.sum(axis=1, keepdims=True)
        count = len(vertices)
        pick = csr_array(
            (weights.ravel(), garment.base.ravel(), np.arange(count + 1) * 3), shape=(count, len(self.base.known))
        )
        hidden = np.zeros(self.body.vertex_count, bool)
        there = self.base.body_vertex >= 0
        hidden[self.base.body_vertex[there]] = garment.hidden[there]
        weave, roles = _weave(garment, vertices - (0.0, 0.0, average[:, 2].min()), slot)
        return Piece(
            garment=garment,
            slot=slot,
            skin=(pick @ self.base.skin).tocsr(),
            binding=bind_vertices(located, garment.faces, self.index),
            hides=self._under(hidden, vertices, garment.faces, slot)[self.body.faces].all(axis=1),
            below=located,
            covers=self._covers(hidden),
            weave=weave,
            roles=roles,
        )

    def _under(
        self, hidden: Bool[Array, "v"], vertices: Float64[Array, "n 3"], faces: Int32[Array, "g 3"], slot: str
    ) -> Bool[Array, "v"]:
        """The body's vertices that nobody sees under a garment: those that it names, and those that it lies over, but
        for its edge's width. Hair has gaps."""
        if slot == "hair":
            return hidden
        average = self.base.average
        normals = vertex_normals(average, self.body.faces)
        over = find_covered_vertices(average, normals, vertices, faces, OVER)
        edges = np.concatenate([self.body.faces[:, [0, 1]], self.body.faces[:, [1, 2]], self.body.faces[:, [2, 0]]])
        for _ in range(EDGE_RINGS):
            bare = np.zeros(len(over), bool)
            bare[edges[~over[edges[:, 1]], 0]] = True
            bare[edges[~over[edges[:, 0]], 1]] = True
            over &= ~bare
        return hidden | over

    def _covers(self, hidden: Bool[Array, "v"]) -> frozenset[str]:
        z, arm = self.paint.fields[:, 2], self.paint.fields[:, FIELDS.index("arm")]
        bands = {"chest": (1.05, 1.25), "hips": (0.82, 0.92), "shins": (0.14, 0.25), "feet": (0.0, 0.07)}
        found = set()
        for name, (low, high) in bands.items():
            own = (arm < 0.0) & (z > low) & (z < high)
            if hidden[own].mean() > 0.5:
                found.add(name)
        return frozenset(found)


def open_closet(folder: Path, body: AnnyBody, paint: Paint, part: UInt8[Array, "f"], index: FaceIndex) -> Closet:
    """Check every `.mhclo` of a folder and its subfolders. Those that can't be used are left out with a warning;
    raises AssetError when none is left. part: the fine part of each of the body's faces. index: of the body that labels
    are interpolated on."""
    base = load_base_mesh(body)
    read: dict[Path, Garment] = {}

    def check(path: Path) -> None:
        read[path] = read_mhclo(path, base.known)

    good, left_out = keep_readable(
        folder, check, suffixes=(".mhclo",), what="MakeHuman garments (.mhclo)", setting="people.garments"
    )
    return Closet(folder, good, left_out, tuple(read[path] for path in good), body, base, paint, part, index)


def dress_people(
    closet: Closet, share: float, scene: Scene, posed: PosedBodies, rng: np.random.Generator
) -> tuple[Scene, list[SceneMesh], list[Int32[Array, "f 3"]], list[frozenset[str]]]:
    """Everybody who wears something of the closet, dressed: the scene with what is left of their outfits and the
    garments' numbers, the garments' meshes, each body's faces, and what of it is covered (`Closet.covers`)."""
    body = closet.body
    people, meshes, faces, covered = [], [], [], []
    for owner, person in enumerate(scene.people, start=1):
        worn = closet.draw(share, body.sex(person.betas), rng)
        seed = np.random.default_rng(rng.integers(2**63))
        people.append(replace(person, outfit=closet.undress(person.outfit, worn), garments=worn) if worn else person)
        faces.append(closet.hide(body.faces, worn) if worn else body.faces)
        covered.append(closet.covers(worn))
        if worn:
            fitted = closet.fit(worn, person, posed.vertices[owner - 1], seed)
            meshes += [
                SceneMesh(mesh=mesh, owner=owner, layer=layer, binding=binding, fabric=fabric)
                for layer, (mesh, binding, fabric) in enumerate(fitted, start=1)
            ]
    return replace(scene, people=tuple(people)), meshes, faces, covered


def push_out(
    placed: Float64[Array, "n 3"], posed: Float32[Array, "v 3"], body_faces: Int32[Array, "f 3"], piece: Piece
) -> Float64[Array, "n 3"]:
    """A garment's vertices where the body below them is drawn, moved along its normal until they lie over it."""
    shown = np.flatnonzero(~piece.hides[piece.below.face])
    corners = posed[body_faces[piece.below.face[shown]]].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    skin = np.einsum("nk,nkc->nc", piece.below.barycentrics[shown], corners)
    height = np.einsum("nc,nc->n", placed[shown] - skin, normal)
    placed[shown] += normal * np.clip(CLEAR - height, 0.0, FURTHEST)[:, None]
    return placed


def slot_of(garment: Garment, path: Path) -> str:
    """Which slot a garment fills, by its tags, the folder it lies in and what it hides."""
    words = " ".join([*garment.tags, *(part.lower() for part in path.parts[-4:])])
    if "hair" in words:
        return "hair"
    if "hat" in words.split() or "hats" in words.split():
        return "hat"
    if "shoe" in words or "boot" in words:
        return "shoes"
    return "clothes"


def draw_fabric_of(piece: Piece, outfit: Outfit, rng: np.random.Generator) -> Fabric:
    """The looks of a garment: its material's colour where the file has one, else the colours of the wearer's outfit."""
    feet = outfit.footwear
    leather = Cloth(colour=feet.upper, second=feet.second, pattern="plain", scale=0.05, roughness=0.5)
    hair = as_colour(LIGHTER_STRANDS * np.array(outfit.hair.colour))
    plain = draw_apart(rng, draw_cloth_colour, outfit.top.cloth.colour)
    by_role = {
        "top": (_for_mesh(outfit.top.cloth), "woven"),
        "inner": (_for_mesh(outfit.top.inner), "woven"),
        "bottom": (_for_mesh(outfit.bottom.cloth), "woven"),
        "upper": (leather, "smooth"),
        "sole": (replace(leather, colour=feet.sole_colour), "smooth"),
        "trim": (replace(leather, colour=plain, roughness=0.4), "smooth"),
        "hair": (replace(leather, colour=hair, roughness=0.45), "strands"),
        "hat": (_for_mesh(outfit.headwear_cloth), "woven"),
    }
    cloths, finish = zip(*(by_role[role] for role in piece.roles), strict=True)
    if piece.garment.material.colour is not None:
        own = as_colour(linear_from_srgb(255.0 * np.array(piece.garment.material.colour)))
        cloths = tuple(replace(cloth, colour=own, second=own, pattern="plain") for cloth in cloths)
    return Fabric(weave=piece.weave, cloths=cloths, finish=finish, seed=float(rng.random()))


def _for_mesh(cloth: Cloth) -> Cloth:
    """Without the patterns that are cut to the painted garments."""
    return replace(cloth, pattern="plain") if cloth.pattern in ("logo", "block") else cloth


def _weave(garment: Garment, position: Float64[Array, "n 3"], slot: str) -> tuple[Weave, tuple[str, ...]]:
    """How fabric lies on a garment, and the roles of its pieces. position: average adult at rest, feet on z = 0."""
    faces = garment.faces
    label = _components(len(position), faces)
    role = np.zeros(label.max() + 1, np.int32)
    roles: list[str] = []
    largest: dict[str, int] = {}
    for number in np.argsort(-np.bincount(label), kind="stable"):
        own = position[label == number]
        name = _role(own, position, slot, largest)
        largest.setdefault(name, int(number))
        if name not in roles:
            roles.append(name)
        role[number] = roles.index(name)
    across = np.zeros((len(faces), 3, 2))
    corner = position[faces]
    metres = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)
    edge, other = garment.uv[:, 1] - garment.uv[:, 0], garment.uv[:, 2] - garment.uv[:, 0]
    flat = np.abs(edge[:, 0] * other[:, 1] - edge[:, 1] * other[:, 0])
    face_label = label[faces[:, 0]]
    for number in range(len(role)):
        own = face_label == number
        scale = np.sqrt(metres[own].sum() / max(float(flat[own].sum()), 1e-12))
        across[own] = garment.uv[own] * scale
    across -= np.floor(across.min(axis=(0, 1)))
    texture = None if garment.material.texture is None else Texture(garment.material.texture, garment.uv)
    weave = Weave(
        position=position.astype(np.float32),
        across=across.astype(np.float32),
        piece=role[face_label],
        texture=texture,
    )
    return weave, tuple(roles)


def _role(own: Float64[Array, "m 3"], whole: Float64[Array, "n 3"], slot: str, largest: dict[str, int]) -> str:
    """What a connected piece of a garment is, by its size and place; pieces come the largest first."""
    if slot in ("hair", "hat"):
        return slot
    low, high = own.min(axis=0), own.max(axis=0)
    if np.linalg.norm(high - low) < TRIM:
        return "trim"
    if slot == "shoes":
        middle = 0.5 * (whole[:, 2].min() + whole[:, 2].max())
        return "sole" if high[2] < middle - 0.25 * np.ptp(whole[:, 2]) else "upper"
    if high[2] < 1.2:
        return "bottom"
    return "top" if "top" not in largest else "inner" if "inner" not in largest else "trim"


def _components(count: int, faces: Int32[Array, "f 3"]) -> Int32[Array, "n"]:
    """Of each vertex, which connected piece of the mesh it belongs to."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    graph = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int32)
