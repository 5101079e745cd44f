"""What a scene may look like: every range a scene is drawn from, with its unit.

Ranges are (low, high), drawn uniformly, both ends included. These values are part of a recipe (`densesynth.config`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

Range = tuple[float, float]


def check_ranges(settings: object, **bounds: tuple[float, float]) -> None:
    """Raise ValueError when a range of `settings` is upside down or leaves its bounds."""
    for name, (minimum, maximum) in bounds.items():
        low, high = getattr(settings, name)
        if not minimum <= low <= high <= maximum:
            raise ValueError(f"`{name}` = [{low:g}, {high:g}] must rise and stay within [{minimum:g}, {maximum:g}]")


@dataclass(frozen=True, kw_only=True)
class PeopleSettings:
    """Who is in the picture, and what they do."""

    count: tuple[int, int] = (1, 3)
    """People in the picture, from 1 to 8. Fewer appear where they would walk into one another."""
    motions: tuple[str, ...] = ()
    """Names of built-in motions to draw from; empty means all of them."""
    clips: Path | None = None
    """Folder of motion clips (BVH, AMASS .npz, ASF/AMC, Qualisys TSV, C3D; with its subfolders) to take poses from
    instead of built-in motions; poses are drawn evenly over how different they are. Markers are fitted at the first
    start and kept in the cache."""
    joint_names: Path | None = None
    """TOML file that names the joints of clips whose naming densesynth doesn't know."""
    marker_set: str | None = None
    """Marker set of the marker files among the clips: a built-in one's name or a TOML file; by default the built-in one
    that knows most of the labels."""
    expressions: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.85
    """How many of the people have a face that isn't neutral: they smile, laugh, talk, frown, …; 0 is off. Anny and
    SMPL-X."""
    gaze: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.9
    """How many of the people turn their eyes, some of them to the camera where eyes reach it; the others look straight
    ahead; 0 is off. Anny."""
    shells: bool = True
    """Clothes and hair with thickness, hanging and spanning hollows; off paints them on the skin."""
    loose: bool = True
    """Skirts, dresses and coats that hang and sway, in some outfits; Anny's body with `shells` only."""
    hems: bool = True
    """Tops worn over trousers end in an edge that hangs about the hips; Anny's body with `shells` only."""
    long_hair: bool = True
    """Long hair, loose or tied, that hangs and sways, on some people; Anny's body with `shells` only."""
    folds: Annotated[float, Meta(ge=0.0, le=2.0)] = 0.0
    """How deep cloth folds, deeper where joints bend, as the light shows it; 0 is off. Anny's body only."""
    wrinkles: Annotated[float, Meta(ge=0.0, le=2.0)] = 0.0
    """How deep cloth folds, deeper where joints bend and cloth is loose, as its surface and outline show it; 0 is off.
    Anny's body with `shells` only."""
    combed: Annotated[float, Meta(ge=0.0, le=2.0)] = 0.0
    """How far the strands of hair tilt its shine; 0 is off."""
    garments: Path | None = None
    """Folder of MakeHuman garments and hair (.mhclo with their .obj) that people may wear, for Anny's body."""
    garment_share: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.7
    """How many of the people wear something of that folder."""
    depth_spread: Range = (-1.0, 3.0)
    """How much further from the camera than the first person the others stand, metres."""

    def __post_init__(self) -> None:
        check_ranges(self, count=(1, 8), depth_spread=(-20.0, 100.0))


@dataclass(frozen=True, kw_only=True)
class CameraSettings:
    """Where the camera stands and how it sees, relative to the first person."""

    focal_length: Range = (24.0, 105.0)
    """Focal length in millimetres on 36 mm wide film: 24 is wide, 105 a long lens."""
    fill: Range = (0.4, 1.1)
    """Height of the person, standing upright, as a share of the picture's height; above 1 the frame cuts."""
    elevation: Range = (-8.0, 30.0)
    """Angle from which the camera looks down on the person, degrees; negative looks up."""
    roll: Range = (-6.0, 6.0)
    """Rotation about the viewing axis, degrees."""
    off_centre: Annotated[float, Meta(ge=0.0, le=0.5)] = 0.1
    """How far the person may stand from the middle of the picture, as a share of its width and height."""
    portrait: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    """Share of the frames that show head and shoulders; the ranges above hold for what such shares leave."""
    whole_body: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    """Share of the frames that show the whole person."""
    cut_off: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    """Share of the frames whose edge cuts the person."""
    selfie: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    """Share of the frames taken at arm's length with a wide lens."""
    cctv: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    """Share of the frames taken from below a ceiling or a mast."""
    drone: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    """Share of the frames taken from high above."""
    rig: Annotated[int, Meta(ge=1, le=64)] = 1
    """Cameras around one posed scene: that many frames after one another show the same moment. The paper has 9."""

    def __post_init__(self) -> None:
        shares = [self.portrait, self.whole_body, self.cut_off, self.selfie, self.cctv, self.drone]
        if sum(shares) > 1.0 + 1e-9:
            raise ValueError(f"the shares of camera situations sum to {sum(shares):g}; they must not pass 1")
        check_ranges(self, focal_length=(8.0, 1200.0), fill=(0.02, 20.0), elevation=(-60.0, 89.0), roll=(-180.0, 180.0))


@dataclass(frozen=True, kw_only=True)
class LensSettings:
    """Brown–Conrady distortion, in OpenCV's names and normalised coordinates; [0, 0] is off.

    Where a drawn lens would fold the picture over itself (a strong lens on a wide view), it is halved until it doesn't.
    """

    k1: Range = (-0.2, 0.08)
    """Radial, r²."""
    k2: Range = (-0.02, 0.02)
    """Radial, r⁴."""
    p1: Range = (-0.002, 0.002)
    """Tangential."""
    p2: Range = (-0.002, 0.002)
    """Tangential."""
    k3: Range = (0.0, 0.0)
    """Radial, r⁶."""

    def __post_init__(self) -> None:
        check_ranges(self, k1=(-2.0, 2.0), k2=(-2.0, 2.0), p1=(-0.1, 0.1), p2=(-0.1, 0.1), k3=(-2.0, 2.0))


@dataclass(frozen=True, kw_only=True)
class FisheyeSettings:
    """Equidistant lenses in place of `[lens]`, in OpenCV's names (cv2.fisheye).

    The focal length takes the place of the camera's, and is lengthened until the picture's corners are within 83° of
    the axis. A drawn lens that would fold the picture over itself is halved until it doesn't.
    """

    share: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    """Share of the frames that are taken with a fisheye lens; 0 is off."""
    focal_length: Range = (14.0, 26.0)
    """Focal length in millimetres on 36 mm wide film; a square picture's corners then are 83° to 56° off the axis."""
    k1: Range = (-0.03, 0.03)
    """Coefficient of θ³."""
    k2: Range = (-0.005, 0.005)
    """Coefficient of θ⁵."""
    k3: Range = (0.0, 0.0)
    """Coefficient of θ⁷."""
    k4: Range = (0.0, 0.0)
    """Coefficient of θ⁹."""

    def __post_init__(self) -> None:
        check_ranges(self, focal_length=(4.0, 400.0), k1=(-1.0, 1.0), k2=(-1.0, 1.0), k3=(-1.0, 1.0), k4=(-1.0, 1.0))


@dataclass(frozen=True, kw_only=True)
class BackgroundSettings:
    """What stands behind the people."""

    folder: Path | None = None
    """Folder of pictures (searched with its subfolders) to crop backgrounds from; leave out for procedural ones."""
    environments: Path | None = None
    """Folder of equirectangular HDR panoramas (.hdr) that light the people and stand behind them."""
    environment_share: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.5
    """Where there are both pictures and panoramas: how many of the frames have a panorama."""
    procedural_share: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    """How many of the frames have a procedural backdrop although there are pictures or panoramas."""
    match_light: bool = True
    """Light people before a picture as the picture suggests, with a shadow at their feet; false: as without it."""


@dataclass(frozen=True, kw_only=True)
class PictureSettings:
    """The finished picture."""

    width: Annotated[int, Meta(ge=16, le=8192)] = 512
    """Pixels."""
    height: Annotated[int, Meta(ge=16, le=8192)] = 512
    """Pixels."""
    edge_samples: Annotated[int, Meta(ge=1, le=8)] = 4
    """Colour samples in pixels that edges cross: 1 (no anti-aliasing), 4 or 8. Labels stay at pixel centres."""
    noise: Range = (0.0, 0.02)
    """Standard deviation of the sensor's noise in mid-grey, as a share of white; [0, 0] is off."""
    jpeg_quality: int | tuple[int, int] = 95
    """JPEG quality of the files in images/, 1 to 100; two numbers are a range, drawn for each frame."""

    def __post_init__(self) -> None:
        check_ranges(self, noise=(0.0, 0.5))
        low, high = self.jpeg_range
        if not 1 <= low <= high <= 100:
            raise ValueError(f"`jpeg_quality` = {self.jpeg_quality} must lie within 1 and 100, and a range must rise")
        if self.edge_samples not in (1, 4, 8):
            raise ValueError(f"`edge_samples` = {self.edge_samples} must be 1, 4 or 8")

    @property
    def jpeg_range(self) -> tuple[int, int]:
        return (self.jpeg_quality,) * 2 if isinstance(self.jpeg_quality, int) else self.jpeg_quality


@dataclass(frozen=True, kw_only=True)
class BodySettings:
    """Which parametric body people have. SMPL's family is the user's to bring (`densesynth assets check FOLDER`)."""

    model: Literal["anny", "smpl", "smplh", "smplx"] = "anny"
    """anny comes with densesynth; the others need `files`."""
    topology: Literal["own", "smpl"] = "own"
    """The mesh that anny has: its own, or SMPL's (Anny's anny2smpl.pth, for non-commercial use), which official charts
    fit."""
    files: Path | None = None
    """Folder with the model's official files (searched with its subfolders, told by content), or one file. For anny on
    SMPL's mesh anny2smpl.pth, or a folder that holds it; by default where Anny's package keeps it."""
    genders: tuple[Literal["male", "female", "neutral"], ...] = ("male", "female")
    """Which of the files are used; people of each are as frequent."""
    betas: Annotated[int, Meta(ge=1, le=300)] = 10
    """Shape coefficients that are drawn, each from a standard normal distribution cut at 2.5."""
    charts: Path | None = None
    """DensePose's UV_Processed.mat, for smpl and smplh. Without it charts are carried over from Anny: near the official
    ones, and not them."""
    cse_mesh: Path | None = None
    """DensePose CSE's mesh (smpl_27554.pkl): `dp_vertex` then counts its vertices and `ref_model` names it."""

    def __post_init__(self) -> None:
        if self.model != "anny" and self.topology != "own":
            raise ValueError('`topology` is for `model` = "anny": other models have meshes of their own')
        if self.model == "anny" and self.topology == "own":
            for name in ("files", "charts", "cse_mesh"):
                if getattr(self, name) is not None:
                    raise ValueError(
                        f"`{name}` is for bodies of SMPL's family; set `model` to smpl, smplh or smplx, or `topology` "
                        "to smpl for Anny on SMPL's mesh (a download of its own); Anny's own mesh has its own charts"
                    )
        elif self.files is None and self.model != "anny":
            raise ValueError(f"`model` = {self.model} needs `files`: the folder with its official files")
        if not self.genders or len(set(self.genders)) != len(self.genders):
            raise ValueError("`genders` must name male, female or neutral, each once at most")
        if self.model == "smplx" and self.charts is not None:
            raise ValueError("`charts` has SMPL's topology, and smplx has another; leave `charts` out")

    @property
    def name(self) -> str:
        """What a body made so calls itself."""
        return "anny-smpl" if self.model == "anny" and self.topology == "smpl" else self.model
