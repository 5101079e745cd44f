"""Motions in which the feet leave the ground or their place: walking, running, jumping, kicking, throwing, lunging.

The gaits follow joint angles over the gait cycle as Winter (*Biomechanics and Motor Control of Human Gait*, 1991) and
Novacheck (*The biomechanics of running*, 1998) tabulate them, rounded; the ankle then gives the foot its attitude to
the ground, which is what one sees.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from densesynth.geometry.skeleton import JOINT
from densesynth.motion.curves import hold, keyed, ramp
from densesynth.motion.figure import ANKLE_HEIGHT, Figure, Foot, outward
from densesynth.motion.hands import FIST, FLAT, GRIP, hand
from densesynth.motion.postures import (
    FEET_AHEAD,
    HALF_STANCE,
    STANDING_HEIGHT,
    manner,
    standing,
)
from densesynth.motion.variation import Variation

Keys = tuple[tuple[float, float], ...]

# Degrees over the cycle of one leg, which starts as that foot meets the ground.
WALK_HIP: Keys = (
    (0, 27),
    (0.1, 24),
    (0.2, 14),
    (0.3, 3),
    (0.4, -6),
    (0.5, -11),
    (0.58, -7),
    (0.7, 12),
    (0.8, 25),
    (0.9, 29),
)
WALK_KNEE: Keys = (
    (0, 5),
    (0.12, 17),
    (0.2, 16),
    (0.3, 9),
    (0.4, 6),
    (0.5, 12),
    (0.6, 35),
    (0.7, 58),
    (0.76, 58),
    (0.88, 22),
    (0.96, 4),
)
WALK_PITCH: Keys = (
    (0, 18),
    (0.08, 0),
    (0.34, 0),
    (0.42, -6),
    (0.5, -22),
    (0.6, -52),
    (0.68, -56),
    (0.8, -18),
    (0.9, 10),
    (0.96, 17),
)
WALK_TOES: Keys = ((0, 8), (0.1, 0), (0.35, 0), (0.5, 20), (0.58, 38), (0.66, 12), (0.8, 4))
RUN_HIP: Keys = ((0, 30), (0.1, 22), (0.2, 6), (0.32, -10), (0.42, -13), (0.55, 8), (0.7, 38), (0.82, 48), (0.92, 40))
RUN_KNEE: Keys = (
    (0, 18),
    (0.12, 40),
    (0.22, 34),
    (0.36, 16),
    (0.46, 38),
    (0.6, 92),
    (0.68, 102),
    (0.8, 78),
    (0.92, 26),
)
RUN_PITCH: Keys = ((0, 6), (0.07, 0), (0.2, 0), (0.3, -20), (0.4, -58), (0.55, -85), (0.7, -62), (0.85, -18), (0.95, 4))
RUN_TOES: Keys = ((0, 5), (0.1, 0), (0.2, 0), (0.3, 18), (0.37, 30), (0.46, 8), (0.8, 3))


@dataclass(frozen=True)
class Gait:
    """One way of going: angles over the cycle (degrees) and how trunk and arms go along (radians)."""

    hip: Keys
    knee: Keys
    pitch: Keys
    toes: Keys
    step_width: float  # hips' abduction
    lean: float  # of the trunk, forward
    arm_swing: float
    elbow: float
    elbow_swing: float
    pelvis_turn: float
    pelvis_drop: float


WALK = Gait(WALK_HIP, WALK_KNEE, WALK_PITCH, WALK_TOES, 0.01, 0.03, 0.34, 0.22, 0.18, 0.07, 0.06)
RUN = Gait(RUN_HIP, RUN_KNEE, RUN_PITCH, RUN_TOES, -0.01, 0.16, 0.62, 1.55, 0.2, 0.10, 0.07)


def _go(gait: Gait, phase: float, v: Variation) -> Figure:
    figure = Figure()
    a = v.amplitude
    wave = math.cos(2.0 * math.pi * phase)  # 1 when the left foot lands
    side_wave = math.sin(2.0 * math.pi * (phase + 0.05))  # 1 in the left leg's stance
    # The landing leg's hip comes forward, the swinging leg's hip sinks.
    figure.rotations[JOINT["pelvis"]] = np.array(
        [0.4 * gait.lean, -0.5 * gait.pelvis_drop * side_wave, -gait.pelvis_turn * wave * a]
    )
    turn = 2.0 * gait.pelvis_turn * wave * a
    manner(figure, v, flex=0.6 * gait.lean, lean=-0.5 * gait.pelvis_drop * side_wave, twist=turn)
    figure.gaze(v.head_nod - 0.6 * gait.lean, v.head_turn - 0.5 * turn)
    for side, offset in (("left", 0.0), ("right", 0.5)):
        at = phase + offset
        forward = -math.cos(2.0 * math.pi * (at - 0.02))  # the arm goes with the other leg
        swing = gait.arm_swing * a * forward * (1.0 + 0.15 * v.asymmetry * outward(side))
        figure.arm(
            side,
            out=(0.22 if gait is WALK else 0.30) + v.arms_out,
            forward=0.06 + swing,
            rotate=0.2 + 0.12 * max(forward, 0.0),
            elbow=gait.elbow + v.elbow_bend * (1.0 if gait is WALK else 0.3) + gait.elbow_swing * (0.5 + 0.5 * forward),
            turned=0.25 if gait is WALK else 0.1,
        )
        size = 0.35 + 0.65 * a  # a longer stride opens the hip more than it bends the knee
        hip = math.radians(keyed(gait.hip, at, periodic=True)) * size
        knee = math.radians(keyed(gait.knee, at, periodic=True)) * (0.6 + 0.4 * a)
        pitch = math.radians(keyed(gait.pitch, at, periodic=True)) * size
        figure.leg(side, hip=hip, knee=knee, pitch=pitch, out=gait.step_width * v.stance, yaw=0.05 + 0.6 * v.toes_out)
        figure.bend_toes(side, math.radians(keyed(gait.toes, at, periodic=True)) * a)
    return figure


def walk(phase: float, v: Variation) -> Figure:
    """Two steps at a walk; phase 0 is the left heel's strike."""
    return _go(WALK, phase, v)


def run(phase: float, v: Variation) -> Figure:
    """Two steps at a run, with a flight after each."""
    figure = _go(RUN, phase, v)
    for side in ("left", "right"):
        hand(figure, side, (0.5, 0.6, 0.65, 0.68, 0.7))
    step = (phase * 2.0) % 1.0  # the foot leaves at 0.76 of each step
    flight = max(step - 0.76, 0.0) / 0.24
    figure.lift = 0.035 * v.amplitude * 4.0 * flight * (1.0 - flight)
    return figure


def jump(phase: float, v: Variation) -> Figure:
    """A standing jump: crouch, leap with the arms, land softly."""
    figure = Figure()
    a = v.amplitude
    crouch = hold(phase, 0.04, 0.3, 0.34, 0.46)
    land = hold(phase, 0.64, 0.76, 0.78, 0.98)
    low = max(crouch, 0.8 * land) * min(a, 1.05)
    flight = min(max((phase - 0.45) / 0.22, 0.0), 1.0)
    air = math.sin(math.pi * flight)
    arms = keyed(((0.05, 0.0), (0.3, -0.75), (0.46, 2.3), (0.58, 2.1), (0.75, 0.7), (0.97, 0.0)), phase) * min(a, 1.05)
    manner(figure, v, flex=0.42 * low)
    figure.gaze(v.head_nod * (1.0 - low) - 0.30 * low, v.head_turn)
    for side in ("left", "right"):
        figure.arm(
            side,
            out=0.23 + v.arms_out + 0.10 * air + 0.1 * low,
            forward=0.02 + arms,
            rotate=0.15 + 0.3 * max(arms, 0.0),
            turned=0.25,
            elbow=0.2 + v.elbow_bend + 0.35 * low + 0.25 * air,
            upright=0.5 * low,
        )
    heels = 0.75 * hold(phase, 0.36, 0.47, 0.52, 0.68) * min(a, 1.0)
    standing(figure, v, drop=0.012 + 0.30 * low + 0.10 * air, tilt=0.42 * low, knees_out=0.05 + 0.05 * low, heels=heels)
    figure.lift = 0.17 * a * 4.0 * flight * (1.0 - flight)
    return figure


def on_feet(
    figure: Figure,
    feet: dict[str, Foot],
    *,
    height: float,
    over: tuple[float, float],
    turn: float = 0.0,
    tilt: float = 0.0,
    roll: float = 0.0,
) -> None:
    """Stand the figure on feet of any placing with its mass over the point `over`; the rest of it is set before."""
    figure.rotations[JOINT["pelvis"]] = np.array([tilt, -roll, turn])
    figure.plant(feet, height, over)


def kick(phase: float, v: Variation) -> Figure:
    """The left foot swings back and kicks ahead; the right leg stands."""
    figure = Figure()
    a = v.amplitude
    half = HALF_STANCE * min(v.stance, 1.2)
    lifted = hold(phase, 0.04, 0.16, 0.72, 0.96)
    swing = keyed(((0.05, 0.0), (0.28, -0.9), (0.5, 1.0), (0.62, 0.8), (0.95, 0.0)), phase) * a
    manner(figure, v, flex=0.06 + 0.10 * max(swing, 0.0), twist=0.22 * swing, lean=-0.03 * lifted)
    figure.gaze(v.head_nod + 0.18 * lifted, v.head_turn * (1.0 - lifted) - 0.10 * swing)
    figure.arm(
        "right",
        out=0.25 + v.arms_out + 0.35 * lifted,
        forward=0.05 + 0.75 * swing,
        rotate=0.15,
        elbow=0.3 + v.elbow_bend + 0.35 * lifted,
        turned=0.25,
    )
    figure.arm(
        "left",
        out=0.25 + v.arms_out + 0.45 * lifted,
        forward=0.02 - 0.55 * swing,
        rotate=0.15,
        elbow=0.25 + v.elbow_bend + 0.25 * lifted,
        turned=0.25,
    )
    back, ahead = max(-swing, 0.0), max(swing, 0.0)
    ankle = (
        half * (1.0 - 0.35 * lifted) + 0.02,
        0.42 * back - 0.72 * ahead,
        ANKLE_HEIGHT + 0.06 * lifted + 0.30 * back + 0.42 * ahead * min(ahead, 1.1),
    )
    feet = {
        "right": Foot((-half, 0.0, ANKLE_HEIGHT), yaw=0.12 + v.toes_out),
        "left": Foot(ankle, yaw=0.08 + v.toes_out, pitch=-1.0 * back + 0.35 * ahead - 0.15 * lifted),
    }
    over = (-half * lifted, -FEET_AHEAD)
    on_feet(
        figure,
        feet,
        height=STANDING_HEIGHT - 0.02 - 0.035 * lifted,
        over=over,
        turn=-0.2 * swing,
        roll=0.03 * lifted,
        tilt=0.05 * back - 0.12 * ahead,
    )
    return figure


def throw(phase: float, v: Variation) -> Figure:
    """An overarm throw with the left hand, stepping onto the right foot."""
    figure = Figure()
    a = min(v.amplitude, 1.1)
    half = HALF_STANCE * v.stance
    step = hold(phase, 0.12, 0.34, 0.75, 0.97)
    wind = keyed(((0.05, 0.0), (0.34, 1.0), (0.52, -0.75), (0.66, -0.9), (0.95, 0.0)), phase) * a
    manner(figure, v, flex=0.05 - 0.12 * max(wind, 0.0) + 0.28 * max(-wind, 0.0), twist=0.42 * wind, lean=-0.10 * step)
    figure.gaze(v.head_nod * (1.0 - step), v.head_turn * (1.0 - step) - 0.5 * wind)
    up = hold(phase, 0.05, 0.3, 0.5, 0.68)
    figure.shrug("left", lift=0.15 * up)
    figure.arm(
        "left",
        out=0.21 + v.arms_out + 1.15 * up,
        forward=keyed(((0.05, 0.02), (0.34, -0.25), (0.5, 0.85), (0.66, 0.95), (0.95, 0.02)), phase),
        rotate=keyed(((0.05, 0.15), (0.34, -1.15), (0.42, -1.2), (0.52, -0.3), (0.66, 0.55), (0.95, 0.15)), phase),
        elbow=keyed(
            (
                (0.05, 0.16 + v.elbow_bend),
                (0.34, 1.65),
                (0.42, 1.5),
                (0.52, 0.35),
                (0.7, 0.5),
                (0.95, 0.16 + v.elbow_bend),
            ),
            phase,
        ),
        turned=0.25 + 0.35 * up,
    )
    figure.wrist("left", flex=keyed(((0.2, 0.0), (0.4, -0.7), (0.54, 0.5), (0.8, 0.0)), phase))
    release = ramp(phase, 0.47, 0.52)
    held = ramp(phase, 0.02, 0.15) * (1.0 - ramp(phase, 0.75, 0.95))
    curl = tuple(
        (1.0 - held) * c + held * ((1.0 - release) * b + release * f)
        for b, c, f in zip(GRIP, v.curl, FLAT, strict=True)
    )
    hand(figure, "left", curl)  # type: ignore[arg-type]
    figure.arm(
        "right",
        out=0.21 + v.arms_out + 0.30 * up,
        forward=0.05 + 0.95 * max(wind, 0.0) + 0.1 * step,
        rotate=0.2,
        elbow=0.2 + v.elbow_bend + 0.6 * max(wind, 0.0) + 0.7 * max(-wind, 0.0),
        turned=0.3,
    )
    going = math.sin(math.pi * step)
    feet = {
        "right": Foot((-half, -0.42 * step, ANKLE_HEIGHT + 0.05 * going), yaw=0.1 + v.toes_out, pitch=0.15 * going),
        "left": Foot(
            (half, 0.10 * step, ANKLE_HEIGHT + 0.03 * max(-wind, 0.0)),
            yaw=0.25 * step + v.toes_out,
            pitch=-0.35 * max(-wind, 0.0),
            toes=0.3 * max(-wind, 0.0),
        ),
    }
    over = (0.02 * wind, -FEET_AHEAD - 0.13 * step + 0.12 * wind * step)
    on_feet(figure, feet, height=STANDING_HEIGHT - 0.014 - 0.086 * step, over=over, turn=0.35 * wind)
    return figure


def punch(phase: float, v: Variation) -> Figure:
    """Boxing: from the guard a straight left, then a straight right."""
    figure = Figure()
    a = min(v.amplitude, 1.05)
    jab, cross = hold(phase, 0.12, 0.24, 0.28, 0.42), hold(phase, 0.52, 0.66, 0.70, 0.86)
    half = HALF_STANCE * v.stance * 1.1
    manner(figure, v, flex=0.12 + 0.05 * (jab + cross), twist=-0.28 * jab + 0.30 * cross - 0.02)
    figure.gaze(0.10, 0.10 * v.head_turn + 0.25 * jab - 0.30 * cross)
    for side, out in (("left", jab * a), ("right", cross * a)):
        figure.shrug(side, forward=0.22 * out)
        figure.arm(
            side,
            out=0.22 + 0.5 * v.arms_out - 0.10 * out,
            forward=0.62 + 0.88 * out,
            rotate=0.30 - 0.05 * out,
            elbow=2.02 - 1.85 * out,
            turned=0.1 + 0.9 * out,
        )
        hand(figure, side, FIST)
    feet = {
        "left": Foot((half, -0.20, ANKLE_HEIGHT), yaw=-0.05 + v.toes_out),
        "right": Foot(
            (-half, 0.18, ANKLE_HEIGHT + 0.02 + 0.03 * cross),
            yaw=0.45 - 0.3 * cross,
            pitch=-0.15 - 0.25 * cross,
            toes=0.15 + 0.25 * cross,
        ),
    }
    bounce = 0.012 * math.sin(4.0 * math.pi * phase)
    over = (0.02 * (jab - cross), -FEET_AHEAD - 0.04 * (jab + cross))
    on_feet(figure, feet, height=STANDING_HEIGHT - 0.085 + bounce, over=over, turn=-0.18 - 0.12 * jab + 0.30 * cross)
    return figure


def lunge(phase: float, v: Variation) -> Figure:
    """A long step ahead with the left foot, down on a bent knee, and back."""
    figure = Figure()
    down = hold(phase, 0.05, 0.42, 0.55, 0.95)
    reach = down * min(v.amplitude, 1.05)
    going = math.sin(math.pi * down)
    half = HALF_STANCE * v.stance
    manner(figure, v, flex=0.06 * reach + 0.08 * going)
    for side in ("left", "right"):
        figure.arm(
            side,
            out=0.21 + v.arms_out + 0.10 * reach,
            forward=0.02 - 0.25 * reach * outward(side),
            rotate=0.15,
            elbow=0.16 + v.elbow_bend + 0.5 * reach,
            turned=0.25,
        )
    feet = {
        "left": Foot((half, -0.38 * reach, ANKLE_HEIGHT + 0.06 * going), yaw=0.05 + v.toes_out, pitch=0.25 * going),
        "right": Foot(
            (-half, 0.36 * reach, ANKLE_HEIGHT + 0.115 * reach), yaw=0.04, pitch=-0.78 * reach, toes=0.75 * reach
        ),
    }
    over = (0.0, -FEET_AHEAD * (1.0 - 0.4 * reach) - 0.10 * reach)
    on_feet(figure, feet, height=STANDING_HEIGHT - 0.025 - 0.26 * reach, over=over, tilt=0.05 * reach)
    return figure


ACTIONS: dict[str, tuple[Callable[[float, Variation], Figure], float]] = {
    "walk": (walk, 1.1),
    "run": (run, 0.72),
    "jump": (jump, 1.7),
    "kick": (kick, 1.5),
    "throw": (throw, 1.8),
    "punch": (punch, 1.6),
    "lunge": (lunge, 3.0),
}
