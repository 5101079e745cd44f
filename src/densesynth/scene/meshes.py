"""The meshes of a scene and whose they are: people, what they wear, and things."""

from __future__ import annotations

from dataclasses import dataclass

from densesynth.appearance.fabric import Fabric
from densesynth.appearance.material import Materials
from densesynth.appearance.outfit import Outfit
from densesynth.geometry.mesh import Mesh
from densesynth.surface.binding import Binding

SCENERY = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class SceneMesh:
    """One mesh of the picture, in the world.

    owner: the person it belongs to, from 1, or SCENERY: what hides people and takes no label. layer: 0 for a person's
    body, whose faces are the body's own; from 1 for what the person wears. binding: which body points a worn mesh
    covers; None for bodies and scenery. fabric: the looks of a worn mesh; None paints it as the body points it covers,
    in the outfit given here or else in the owner's.
    materials: of scenery, what it is made of (plain grey for None).
    """

    mesh: Mesh
    owner: int
    layer: int = 0
    binding: Binding | None = None
    fabric: Fabric | None = None
    outfit: Outfit | None = None
    materials: Materials | None = None

    def __post_init__(self) -> None:
        worn = self.owner != SCENERY and self.layer > 0
        if worn != (self.binding is not None):
            raise ValueError("a mesh has a binding when a person wears it, and only then")
        if self.materials is not None and self.owner != SCENERY:
            raise ValueError("only scenery is made of materials of its own")
