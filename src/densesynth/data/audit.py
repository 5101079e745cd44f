"""The audit: a dataset proved against the body, the camera and itself.

For every labelled pixel: surface point → posed mesh → camera with its lens → within 0.01 px of the pixel's centre, in
double precision; the bodies are posed again from the stored parameters. Then files against each other, sides against
bones, annotations.json against the records, counts against the manifest.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from densesynth.appearance.shell import Shell
from densesynth.arrays import Array, Float64, Int64
from densesynth.body.body import Body
from densesynth.data.dataset import ANNOTATIONS, MANIFEST, assemble, read_manifest
from densesynth.data.examine import MAX_ERROR_PX, Breach, Claims, examine_frame
from densesynth.data.files import write_bytes
from densesynth.data.record import FOLDERS
from densesynth.data.schema import (
    Annotations,
    AuditSummary,
    Counts,
    Harmonisation,
    Manifest,
    Record,
    encode_readable_json,
    read_json,
)
from densesynth.errors import DatasetError
from densesynth.surface.atlas import Atlas

DOUBTFUL_AT_MOST = 0.01  # share of points called visible that the pixels around them may speak against
BREACHES_SHOWN = 20

# Errors are counted in bins of a thousandth of a decade from 1e-10 to 1e5 px: a percentile is right to 0.3 %.
_LOWEST, _HIGHEST, _BINS_PER_DECADE = -10, 5, 1000


@dataclass(frozen=True, kw_only=True)
class AuditReport:
    """What an audit found.

    counts: readable frames, their people, and the labelled pixels proved. max_error_px, p999_error_px: maximum
    and 99.9th percentile of the reprojection error over those pixels; None without any. harmonise: of the frames that
    were harmonised.
    """

    counts: Counts
    max_error_px: float | None
    p999_error_px: float | None
    breaches: tuple[Breach, ...]
    harmonise: tuple[Harmonisation, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.breaches


def audit(
    folder: Path,
    body_for: Callable[[str], Body],
    atlas: Atlas,
    progress: Callable[[int, int], None] | None = None,
    shell: Shell | None = None,
) -> AuditReport:
    """Audit a dataset. body_for: name in the manifest → body. progress: told (frames done, frames in all).
    shell: what dresses the body; Anny's when left out.

    Raises DatasetError only when the folder is no dataset; whatever is wrong inside becomes a breach.
    """
    manifest = read_manifest(folder)
    body = body_for(manifest.body)
    breaches: list[Breach] = []
    records: list[Record] = []
    histogram = np.zeros((_HIGHEST - _LOWEST) * _BINS_PER_DECADE + 1, dtype=np.int64)
    max_error, pixels = 0.0, 0
    keypoints, vertices = Claims(), Claims()
    same_mesh = np.array_equal(body.faces, atlas.faces)
    if not same_mesh:
        breaches.append(Breach(MANIFEST, f"body `{manifest.body}` doesn't have the faces of atlas `{atlas.name}`"))
    for index in range(manifest.frames if same_mesh else 0):
        frame = examine_frame(folder, index, manifest, body, atlas, shell)
        breaches += frame.breaches
        if frame.record is not None:
            records.append(frame.record)
        histogram += _histogram(frame.errors)
        max_error = max(max_error, float(frame.errors.max(initial=0.0)))
        pixels += len(frame.errors)
        keypoints, vertices = keypoints + frame.keypoints, vertices + frame.vertices
        if progress is not None:
            progress(index + 1, manifest.frames)
    breaches += _judge_claims("keypoints", keypoints) + _judge_claims("vertices", vertices)
    counts = Counts(frames=len(records), people=sum(len(record.annotations) for record in records), pixels=pixels)
    breaches += _check_folder(folder, manifest, records, counts)
    return AuditReport(
        counts=counts,
        max_error_px=max_error if pixels else None,
        p999_error_px=_percentile(histogram, 0.999) if pixels else None,
        breaches=tuple(breaches),
        harmonise=tuple(record.harmonise for record in records if record.harmonise is not None),
    )


def format_report(report: AuditReport) -> str:
    """The report for people, several lines."""
    counts = report.counts
    lines = [f"{counts.frames} frames, {counts.people} people, {counts.pixels} labelled pixels"]
    if report.max_error_px is not None:
        lines.append(
            f"reprojection error: maximum {report.max_error_px:.2e} px, 99.9th percentile {report.p999_error_px:.2e} px"
            f" (allowed: {MAX_ERROR_PX} px)"
        )
    if report.harmonise:
        lines.append(_tell_drift(report.harmonise))
    lines += [f"BREACH {breach.file}: {breach.what}" for breach in report.breaches[:BREACHES_SHOWN]]
    hidden = len(report.breaches) - BREACHES_SHOWN
    if hidden > 0:
        lines.append(f"… and {hidden} more")
    lines.append("no breach: every label is exact" if report.ok else f"breaches: {len(report.breaches)}")
    return "\n".join(lines)


def _tell_drift(harmonise: tuple[Harmonisation, ...]) -> str:
    """Label drift of the pictures that stayed harmonised, and how many did not."""
    kept = [item for item in harmonise if not item.rejected]
    text = f"harmonised: {len(kept)} pictures, {len(harmonise) - len(kept)} rejected for their drift"
    if not kept:
        return text
    silhouette, texture = (np.array([getattr(item, name) for item in kept]) for name in ("silhouette_px", "texture_px"))
    return (
        f"{text}; label drift: silhouettes {silhouette.mean():.3f} px (maximum {silhouette.max():.3f}), "
        f"texture {texture.mean():.3f} px (maximum {texture.max():.3f})"
    )


def with_audit(folder: Path, report: AuditReport) -> Manifest:
    """Write the audit's summary into the dataset's manifest."""
    summary = AuditSummary(
        ok=report.ok,
        breaches=len(report.breaches),
        counts=report.counts,
        max_error_px=_for_json(report.max_error_px),
        p999_error_px=_for_json(report.p999_error_px),
    )
    manifest = msgspec.structs.replace(read_manifest(folder), audit=summary)
    write_bytes(folder / MANIFEST, encode_readable_json(manifest))
    return manifest


def _for_json(error: float | None) -> float | None:
    """Four significant digits; JSON has no infinity."""
    return None if error is None or not np.isfinite(error) else float(f"{error:.4g}")


def _histogram(errors: Float64[Array, "n"]) -> Int64[Array, "bins"]:
    """Errors counted in logarithmic bins; what is beyond the last edge, infinity too, in the last bin."""
    power = np.log10(np.clip(errors, 10.0**_LOWEST, 10.0**_HIGHEST))
    bins = ((power - _LOWEST) * _BINS_PER_DECADE).astype(np.int64)
    return np.bincount(bins, minlength=(_HIGHEST - _LOWEST) * _BINS_PER_DECADE + 1)


def _percentile(histogram: Int64[Array, "bins"], share: float) -> float:
    """Upper edge of the bin in which that share of the counts is reached."""
    reached = int(np.searchsorted(np.cumsum(histogram), share * histogram.sum()))
    return float(10.0 ** (_LOWEST + (reached + 1) / _BINS_PER_DECADE))


def _judge_claims(what: str, claims: Claims) -> list[Breach]:
    """A gap narrower than a pixel can belie a true claim, so a small share of doubts is allowed, not a pattern."""
    if claims.doubtful <= max(2.0, DOUBTFUL_AT_MOST * claims.visible):
        return []
    return [Breach(ANNOTATIONS, f"{claims.doubtful} of {claims.visible} visible {what} lie behind what pixels show")]


def _check_folder(folder: Path, manifest: Manifest, records: list[Record], counts: Counts) -> list[Breach]:
    """annotations.json against the records, the manifest's counts against both, and files that don't belong."""
    breaches = []
    if manifest.counts is None:
        breaches.append(Breach(MANIFEST, "the run isn't finished; run its `densesynth generate` command again"))
    elif len(records) == manifest.frames and manifest.counts != counts:
        breaches.append(Breach(MANIFEST, f"counts {_told(manifest.counts)}; there are {_told(counts)}"))
    try:
        annotations = read_json(folder / ANNOTATIONS, Annotations)
    except DatasetError as error:
        breaches.append(Breach(ANNOTATIONS, str(error).removeprefix(f"{folder / ANNOTATIONS}: ")))
    else:
        if len(records) == manifest.frames:
            breaches += _compare(annotations, assemble(records, manifest))
    for kind, suffix in FOLDERS.items():
        if (folder / kind).is_dir():
            wanted = {f"{index:06d}{suffix}" for index in range(manifest.frames)}
            strangers = sorted(set(os.listdir(folder / kind)) - wanted)
            breaches += [Breach(f"{kind}/{name}", "doesn't belong to the dataset") for name in strangers]
    return breaches


def _told(counts: Counts) -> str:
    return f"{counts.frames} frames, {counts.people} people, {counts.pixels} pixels"


def _compare(found: Annotations, expected: Annotations) -> list[Breach]:
    """annotations.json as it is against what the records make of it."""
    breaches = []
    for name in ("info", "licenses", "categories"):
        if getattr(found, name) != getattr(expected, name):
            breaches.append(Breach(ANNOTATIONS, f"`{name}` isn't what manifest and records make"))
    for name in ("images", "annotations"):
        there, here = getattr(found, name), getattr(expected, name)
        if len(there) != len(here):
            breaches.append(Breach(ANNOTATIONS, f"{len(there)} {name}, the records have {len(here)}"))
        else:
            wrong = [new.id for old, new in zip(there, here, strict=True) if old != new]
            if wrong:
                what = f"{len(wrong)} {name} differ from the records', the first has id {wrong[0]}"
                breaches.append(Breach(ANNOTATIONS, what))
    return breaches
