"""Several files of one SMPL family as one body: men and women drawn apart, as in the paper (section 2).

The files share a topology and differ in template, shapes and joints, so one set of charts serves all. The first beta
says whose file a shape belongs to, by the number that Anny's `gender` has: 0 male, 1 female; 0.5 is neutral.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from densesynth.arrays import Array, Float32, Int32
from densesynth.body.body import COCO_KEYPOINTS, PosedBodies
from densesynth.body.smpl import SEX_NUMBERS, SmplBody
from densesynth.errors import AssetError, ConfigurationError
from densesynth.geometry.skeleton import JOINT_NAMES


@dataclass(frozen=True, eq=False)
class SmplPeople:
    """Bodies of a family behind the `Body` protocol; made by `gather_people`. bodies: by the sex's number."""

    name: str
    bodies: dict[float, SmplBody]
    betas_names: tuple[str, ...]

    @property
    def faces(self) -> Int32[Array, "f 3"]:
        return self.first.faces

    @property
    def first(self) -> SmplBody:
        """The body whose template stands for all where one is needed."""
        return next(iter(self.bodies.values()))

    @property
    def expression_names(self) -> tuple[str, ...]:
        return self.first.expression_names

    def sample_betas(self, rng: np.random.Generator) -> Float32[Array, "s"]:
        """Draw a file, each as likely, and a shape of it."""
        sexes = tuple(self.bodies)
        sex = sexes[int(rng.integers(len(sexes)))]
        return np.concatenate([np.array([sex], np.float32), self.bodies[sex].sample_betas(rng)])

    def sample_expression(self, rng: np.random.Generator) -> Float32[Array, "e"]:
        """As any of the files does: they have their coefficients in common."""
        return self.first.sample_expression(rng)

    def sex(self, betas: Float32[Array, "s"]) -> float:
        """Of the file that the shape belongs to: 0 male, 1 female, 0.5 neutral."""
        return float(betas[0])

    def average_betas(self) -> Float32[Array, "s"]:
        """The template of the first file."""
        return np.concatenate([np.array([next(iter(self.bodies))], np.float32), self.first.average_betas()])

    def body_of(self, betas: Float32[Array, "s"]) -> SmplBody:
        """The file's body for a shape. Raises AssetError for a sex without a file."""
        body = self.bodies.get(float(betas[0]))
        if body is None:
            held = ", ".join(f"{number:g}" for number in self.bodies)
            raise AssetError(f"{self.name}: a shape of sex {float(betas[0]):g}, and the files are of {held}")
        return body

    def pose(
        self,
        betas: Float32[Array, "b s"],
        rotations: Float32[Array, "b 52 3"],
        transl: Float32[Array, "b 3"],
        expression: Float32[Array, "b e"] | None = None,
    ) -> PosedBodies:
        """As `Body.pose`; each shape by its own file."""
        ones = [slice(k, k + 1) for k in range(len(betas))]
        posed = [
            self.body_of(betas[one][0]).pose(
                betas[one, 1:], rotations[one], transl[one], None if expression is None else expression[one]
            )
            for one in ones
        ]
        if not posed:
            shapes = (len(self.first.data.template), len(JOINT_NAMES), len(COCO_KEYPOINTS))
            return PosedBodies(*(np.zeros((0, count, 3), np.float32) for count in shapes))
        if len(posed) == 1:
            return posed[0]
        return PosedBodies(
            vertices=np.concatenate([one.vertices for one in posed]),
            joints=np.concatenate([one.joints for one in posed]),
            keypoints=np.concatenate([one.keypoints for one in posed]),
        )


def gather_people(bodies: Sequence[SmplBody]) -> SmplPeople:
    """One body of several files, at most one for each sex (a file that tells none counts as neutral).

    Raises ConfigurationError for files of different families or meshes, or two of one sex.
    """
    found: dict[float, SmplBody] = {}
    for body in sorted(bodies, key=lambda one: SEX_NUMBERS[one.data.sex or "neutral"]):
        number = SEX_NUMBERS[body.data.sex or "neutral"]
        if number in found:
            raise ConfigurationError(
                f"{found[number].data.source} and {body.data.source} are both {body.data.sex or 'of no told sex'}; "
                "one file for each sex is needed"
            )
        found[number] = body
    first = next(iter(found.values()))
    for body in found.values():
        if body.family != first.family or not np.array_equal(body.faces, first.faces):
            raise ConfigurationError(
                f"{first.data.source} ({first.family}) and {body.data.source} ({body.family}) have different meshes; "
                "give files of one family"
            )
    return SmplPeople(first.family, found, ("gender", *first.betas_names))
