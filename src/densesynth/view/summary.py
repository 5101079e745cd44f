"""What stands at the head of a dataset's page: counts, the audit's verdict and the licences, from the manifest."""

from __future__ import annotations

from dataclasses import dataclass

from densesynth.data.schema import Manifest, encode_readable_json


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The page's head in words.

    title: the dataset's name. frames: how many it has. facts: (name, text) in reading order. audit_passed: None when
    the dataset was not audited. audit: verdict and detail. manifest: its text, for reading.
    """

    title: str
    frames: int
    facts: tuple[tuple[str, str], ...]
    audit_passed: bool | None
    audit: tuple[str, str]
    licences: tuple[str, ...]
    manifest: str


def summarise(title: str, frames: int, manifest: Manifest) -> Summary:
    """A manifest in words. frames: how many there should be now."""
    counts, audit = manifest.counts, manifest.audit
    facts = [("frames", f"{frames:,}")]
    if counts is not None:
        facts += [("people", f"{counts.people:,}"), ("labelled pixels", f"{counts.pixels:,}")]
    else:
        facts.append(("run", f"unfinished, {frames:,} of {manifest.frames:,} frames"))
    facts += [("seed", str(manifest.seed)), ("body", manifest.body), ("densesynth", manifest.version)]
    if audit is None:
        words = ("Not audited yet.", "Run `densesynth audit` on the folder to check every label.")
    else:
        breaches = f"{audit.breaches:,} {'breach' if audit.breaches == 1 else 'breaches'}"
        detail = [f"{audit.counts.frames:,} frames, {audit.counts.pixels:,} labelled pixels checked"]
        if audit.max_error_px is not None and audit.p999_error_px is not None:
            detail.append(f"reprojection error at most {audit.max_error_px:.2g} px")
            detail.append(f"{audit.p999_error_px:.2g} px at the 99.9th percentile")
        words = ("Audit passed." if audit.ok else f"Audit failed: {breaches}.", "; ".join(detail) + ".")
    return Summary(
        title=title,
        frames=frames,
        facts=tuple(facts),
        audit_passed=None if audit is None else audit.ok,
        audit=words,
        licences=tuple(
            f"{item.name}: {item.licence}{f' ({item.source})' if item.source else ''}" for item in manifest.licences
        ),
        manifest=encode_readable_json(manifest).decode("utf-8"),
    )
