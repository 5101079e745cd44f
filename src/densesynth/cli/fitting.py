"""`densesynth fit`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console

from densesynth.cli.command import Command
from densesynth.progress import frames_bar


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Fit a body to optical markers; the clip that comes out is a source of poses (`people.clips`).

    The same command goes on where an interrupted one stopped.

    Example: densesynth fit capture.c3d --out clips/capture.npz
    """

    markers: tyro.conf.Positional[Path]
    """Markers: C3D, or Qualisys TSV."""
    out: Path
    """Clip to write, .npz in AMASS's layout."""
    body: str = "anny"
    """Body to fit: anny, or a file of SMPL's family."""
    marker_set: str | None = None
    """Name of a built-in set (plug_in_gait, qualisys_full_body) or a TOML file; by default the one that knows most of
    the labels."""
    every: int = 1
    """Take every so many frames: captures run at 100 Hz and more, and poses at 25 Hz are plenty."""


def fit(command: Fit) -> int:
    from densesynth.fitting.fit import fit_markers
    from densesynth.fitting.fitted import every_nth, open_differentiable, write_fitted
    from densesynth.fitting.parts import open_parts
    from densesynth.fitting.settings import FitSettings
    from densesynth.motion.markers import choose_marker_set, load_marker_set
    from densesynth.motion.read import read_markers

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    clip = every_nth(read_markers(command.markers), command.every)
    if command.marker_set is None:
        marker_set = choose_marker_set(clip.labels, str(command.markers))
    else:
        marker_set = load_marker_set(command.marker_set)
    body = open_differentiable(command.body, console.print)
    settings = FitSettings()
    parts = open_parts(clip, body, marker_set, settings)
    if parts.begun:
        console.print(f"{command.markers}: going on where an earlier fit stopped", markup=False)
    with frames_bar(console, "fitted") as advance_to:
        fitted = fit_markers(clip, body, marker_set, settings, advance_to, parts)
    write_fitted(command.out, fitted, body)
    parts.forget()
    errors = 1e3 * fitted.errors(clip)
    worst = sorted(zip(errors_by_marker(errors), fitted.markers, strict=True), reverse=True)[:3]
    Console(highlight=False, soft_wrap=True).print(
        f"{command.out}: {len(fitted.rotations)} frames, {len(fitted.markers)} markers; from marker to body mean "
        f"{float(errors[errors == errors].mean()):.1f} mm, worst "
        + ", ".join(f"{name} {error:.1f}" for error, name in worst),
        markup=False,
    )
    return 0


def errors_by_marker(errors: object) -> list[float]:
    """Mean error of each marker, gaps left out; 0 for one never seen. errors: (frames, markers)."""
    import numpy as np

    table = np.asarray(errors)
    seen = np.isfinite(table)
    return [float(x) for x in np.where(seen, table, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)]


COMMANDS = (Command(name="fit", options=Fit, run=fit),)
