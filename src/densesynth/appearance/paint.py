"""Clothes, skin and faces painted onto Anny at surface points: unlimited resolution, nothing stored per person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import resources
from typing import Any, Protocol, runtime_checkable

import numpy as np
import warp as wp

from densesynth.appearance.kernels.base import Row
from densesynth.appearance.kernels.paint import paint_kernel
from densesynth.appearance.layout import pack_outfits
from densesynth.appearance.noise import make_noise_table
from densesynth.appearance.outfit import Outfit
from densesynth.appearance.reference.base import Samples
from densesynth.appearance.reference.paint import paint as paint_plainly
from densesynth.arrays import Array, Bool, Float32, Int32, UInt8
from densesynth.errors import AssetError


@runtime_checkable
class Wardrobe(Protocol):
    """The UV pictures of some people (`appearance.looks`)."""

    def pack(self, device: str) -> list[Any]:
        """What the kernel of pictures reads after the paint's own arrays."""
        ...


FIELDS = ("x", "y", "z", "arm", "leg", "lips", "lid", "hair", "ear", "nail", "open", "front", "back",
          "up")  # fmt: skip
MIN_FOOTPRINT = 1e-5  # metres
RUN = 256  # samples a CPU thread paints


@dataclass(frozen=True)
class Paint:
    """Anny's paint fields and faces.

    fields: per vertex, in the order of FIELDS: rest position, metres along arm and leg, signed distance to the lips'
    edge, distance to the lids' edge, height above the hairline (all metres), then shares in 0..1; of fabric on the
    trunk, metres from the middle of the front and of the back (the nearer counts) and up. category: per face,
    0 skin, 1 eyeball, 2 eye socket, 3 mouth cavity, 4 tongue; 5 and 6 are cavity and tongue of mouths that open.
    device: Warp's name of it.
    """

    fields: Float32[Array, "v 14"]
    category: UInt8[Array, "f"]
    faces: Int32[Array, "f 3"]
    device: str = "cpu"

    def with_teeth(self) -> Paint:
        """The paint of people whose mouths open (`body.faces`): teeth and gums, a darker tongue."""
        inside = (self.category == 3) | (self.category == 4)
        return replace(self, category=np.where(inside, self.category + 2, self.category).astype(np.uint8))

    @cached_property
    def noise_table(self) -> Float32[Array, "32 32 32"]:
        return make_noise_table()

    def gather(
        self,
        outfits: Sequence[Outfit],
        instance: Array,
        face: Int32[Array, "n"],
        barycentrics: Float32[Array, "n 3"],
        footprint: Float32[Array, "n"],
    ) -> Samples:
        """The fields at surface points, in double precision, for the reference."""
        corners = self.fields[self.faces[face]].astype(np.float64)
        values = (corners * barycentrics.astype(np.float64)[:, :, None]).sum(axis=1)
        rows = pack_outfits(outfits)[np.asarray(instance, dtype=np.int64) - 1]
        return Samples(
            p=values[:, :3],
            **{name: values[:, k] for k, name in enumerate(FIELDS) if k >= 3},
            category=self.category[face],
            footprint=np.maximum(footprint.astype(np.float64), MIN_FOOTPRINT),
            row=rows,
            table=self.noise_table.astype(np.float64),
        )

    def albedo(
        self,
        outfits: Sequence[Outfit],
        instance: Array,
        face: Int32[Array, "n"],
        barycentrics: Float32[Array, "n 3"],
        footprint: Float32[Array, "n"],
    ) -> tuple[Float32[Array, "n 3"], Float32[Array, "n"]]:
        """Linear RGB albedo and roughness (0..1) at surface points.

        instance: person of each point, from 1; footprint: metres a pixel.
        """
        colour, roughness, _ = self.evaluate(outfits, instance, face, barycentrics, footprint)
        return colour, roughness

    def evaluate(
        self,
        outfits: Sequence[Outfit],
        instance: Array,
        face: Int32[Array, "n"],
        barycentrics: Float32[Array, "n 3"],
        footprint: Float32[Array, "n"],
        wardrobe: Wardrobe | None = None,
    ) -> tuple[Float32[Array, "n 3"], Float32[Array, "n"], Float32[Array, "n"]]:
        """(albedo, roughness, share covered by the top and bottom garments) at surface points, by the Warp kernel.

        wardrobe: the UV pictures that people wear; None where all are painted.
        """
        n, device = len(face), self.device
        run = RUN if wp.get_device(device).is_cpu else 1
        rows = pack_outfits(outfits)
        outputs = [wp.empty(n, dtype=kind, device=device) for kind in (wp.vec3, wp.float32, wp.float32)]
        inputs = [
            run,
            *self.tables,
            # By its address: Warp looks through a structured array for longer than it takes to read it.
            wp.array(ptr=rows.ctypes.data, shape=len(rows), dtype=Row, device="cpu").to(device),
            wp.array(np.asarray(instance, dtype=np.int32), dtype=wp.int32, device=device, copy=False),
            wp.array(face, dtype=wp.int32, device=device, copy=False),
            wp.array(np.ascontiguousarray(barycentrics), dtype=wp.vec3, device=device, copy=False),
            wp.array(footprint, dtype=wp.float32, device=device, copy=False),
            MIN_FOOTPRINT,
        ]
        wp.launch(paint_kernel, dim=-(-n // run), inputs=inputs, outputs=outputs, device=device)
        if wardrobe is not None:
            from densesynth.appearance.kernels.textures import paint_pictures

            inputs += wardrobe.pack(device)
            wp.launch(paint_pictures, dim=-(-n // run), inputs=inputs, outputs=outputs, device=device)
        colour, rough, covered = (output.numpy() for output in outputs)
        return colour, rough, covered

    @cached_property
    def trunk(self) -> Bool[Array, "v"]:
        """Which vertices are the trunk's: from the hips to the base of the neck, without arms."""
        z, arm = self.fields[:, 2], self.fields[:, FIELDS.index("arm")]
        mask: Array = (arm < 0.02) & (z > 0.72) & (z < 1.39)
        return mask

    @cached_property
    def tables(self) -> tuple[wp.array, ...]:
        """Fields, categories, faces and noise on the device."""
        # Four fours a vertex, the first two for every sample, the third for heads, the last for trunk, hands and feet.
        order = ("x", "y", "z", "arm", "leg", "open", "front", "back", "lips", "lid", "hair", "ear", "up", "nail")
        columns = [FIELDS.index(name) for name in (*order, "nail", "nail")]
        fields = np.ascontiguousarray(self.fields[:, columns]).reshape(-1, 4, 4)
        pairs = ((fields, wp.vec4), (self.category, wp.uint8), (self.faces, wp.vec3i))
        arrays = tuple(wp.array(a, dtype=kind, device=self.device) for a, kind in pairs)
        return (*arrays, wp.array(self.noise_table.ravel(), dtype=wp.float32, device=self.device))

    def albedo_reference(
        self,
        outfits: Sequence[Outfit],
        instance: Array,
        face: Int32[Array, "n"],
        barycentrics: Float32[Array, "n 3"],
        footprint: Float32[Array, "n"],
    ) -> tuple[Float32[Array, "n 3"], Float32[Array, "n"], Float32[Array, "n"]]:
        """As `evaluate`, by the package `reference`."""
        return paint_plainly(self.gather(outfits, instance, face, barycentrics, footprint))


def load_paint(faces: Int32[Array, "f 3"], device: str = "cpu") -> Paint:
    """The paint of Anny's default topology; faces are the body's own. Raises AssetError for another mesh."""
    source = resources.files("densesynth.appearance") / "data" / "anny_paint.npz"
    with source.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        fields, category = archive["fields"], archive["category"]
    if len(faces) != len(category) or faces.min() != 0 or faces.max() != len(fields) - 1:
        raise AssetError(
            f"the paint is made for Anny's default mesh ({len(fields)} vertices, {len(category)} faces), found "
            f"{int(faces.max()) + 1} vertices, {len(faces)} faces; use anny.Anny() without other topology options"
        )
    return Paint(fields, category, np.ascontiguousarray(faces, dtype=np.int32), device)
