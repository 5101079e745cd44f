"""Motions with both feet on the ground: standing, sitting down, squatting, bending, reaching, and gestures of the arms.

Each takes the phase (0 at the start, 1 at the end of one performance) and the performer's manner, and returns the
figure. All of them stand on `standing`, which puts the pelvis where the body's mass is over its feet.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from densesynth.arrays import Array, Float64
from densesynth.geometry.skeleton import JOINT
from densesynth.motion.curves import hold, keyed, ramp
from densesynth.motion.figure import ANKLE_HEIGHT, BALL, SHANK, THIGH, Figure, Foot, outward, turn_by
from densesynth.motion.hands import FIST, FLAT, GRIP, POINT, hand, relaxed
from densesynth.motion.variation import Variation

STANDING_HEIGHT = ANKLE_HEIGHT + SHANK + THIGH + 0.014  # of the pelvis joint, knees straight
HALF_STANCE = 0.12  # between ankle and the middle, metres
FEET_AHEAD = 0.055  # the middle of the foot lies this far before the ankle: mass balances there
BALL_LENGTH = 0.13  # how far rising fully onto the balls of the feet lifts the body, metres


def breath(phase: float, cycles: float = 1.0) -> float:
    """A slow wave, 0 at phase 0, for what never stands quite still."""
    return math.sin(2.0 * math.pi * cycles * phase)


def manner(figure: Figure, v: Variation, flex: float = 0.0, lean: float = 0.0, twist: float = 0.0) -> None:
    """Trunk, head and hands as the performer carries them, the trunk bent further as asked."""
    figure.trunk(flex + v.stoop, lean + v.lean, twist)
    figure.gaze(v.head_nod - 0.5 * v.stoop, v.head_turn, -0.5 * v.lean)
    for side in ("left", "right"):
        relaxed(figure, side, v)


def hang_arms(figure: Figure, v: Variation, upright: float = 0.0) -> None:
    """Both arms hanging loosely, a little clear of the trunk."""
    for side in ("left", "right"):
        hang_arm(figure, side, v, upright)


def hang_arm(figure: Figure, side: str, v: Variation, upright: float = 0.0) -> None:
    """One arm hanging loosely, a little clear of the trunk."""
    unlike = 0.05 * v.asymmetry * outward(side)
    figure.arm(
        side,
        out=0.23 + v.arms_out,
        forward=0.02 + unlike,
        rotate=0.15,
        elbow=0.16 + v.elbow_bend + unlike,
        turned=0.25,
        upright=upright,
    )


def standing(
    figure: Figure,
    v: Variation,
    *,
    drop: float = 0.0,
    shift: float = 0.0,
    width: float = 1.0,
    tilt: float = 0.0,
    turn: float = 0.0,
    roll: float = 0.0,
    knees_out: float = 0.05,
    toes_out: float = 0.08,
    heels: float = 0.0,
    forward: float = 0.0,
) -> None:
    """Stand the figure on both feet, flat on the ground; trunk and arms are set before, for their weight counts.

    drop: how far the pelvis sinks, metres. shift: of the weight to the left, metres. width: of the stance, times the
    usual. tilt, turn, roll: of the pelvis forward, to the left, left side up. heels: their lift, radians of foot pitch.
    forward: of the weight, metres.
    """
    figure.rotations[JOINT["pelvis"]] = np.array([tilt, -roll, turn])
    half = HALF_STANCE * v.stance * width
    toes = toes_out + v.toes_out
    height = STANDING_HEIGHT - drop - 0.5 * half * half + BALL_LENGTH * math.sin(heels)
    feet = {}
    for side in ("left", "right"):
        sign = outward(side)
        x, y, z = _heel_lift(sign, heels, toes)
        ankle = (sign * half + x, 0.02 * v.asymmetry * sign + y, ANKLE_HEIGHT + z)
        feet[side] = Foot(ankle, yaw=toes, pitch=-heels, toes=0.9 * heels, knee_out=knees_out)
    over = (shift, -forward - FEET_AHEAD * math.cos(toes) - 0.1 * math.sin(heels))
    figure.plant(feet, height, over)


def _heel_lift(sign: float, heels: float, toes: float) -> Float64[Array, "3"]:
    """How the ankle moves when the foot rises onto its ball."""
    if heels == 0.0:
        return np.zeros(3)
    yawed = turn_by(0.0, 0.0, sign * toes)
    return np.asarray(yawed @ (BALL - turn_by(heels, 0.0, 0.0) @ BALL))


def shift_weight(phase: float, v: Variation) -> Figure:
    """Standing at ease, the weight going from one leg to the other."""
    figure = Figure()
    sway = breath(phase) * v.amplitude
    manner(figure, v, flex=0.02 + 0.015 * breath(phase, 2.0), lean=-0.10 * sway, twist=0.04 * sway)
    figure.gaze(v.head_nod + 0.03 * breath(phase, 2.0), v.head_turn + 0.25 * breath(phase + 0.15), 0.05 * sway)
    hang_arms(figure, v)
    standing(figure, v, drop=0.006 + 0.012 * sway * sway, shift=0.055 * sway, roll=0.05 * sway, turn=-0.03 * sway)
    return figure


def stretch(phase: float, v: Variation) -> Figure:
    """Both arms overhead, up on the toes, leaning back a little, and down again."""
    figure = Figure()
    up = hold(phase, 0.05, 0.4, 0.6, 0.95)
    manner(figure, v, flex=-0.12 * up)
    figure.gaze(v.head_nod - 0.35 * up, v.head_turn * (1.0 - up))
    for side in ("left", "right"):
        figure.shrug(side, lift=0.45 * up)
        figure.arm(
            side,
            out=0.22 + v.arms_out + 2.15 * up * (0.75 + 0.25 * v.amplitude),
            forward=0.35 * math.sin(math.pi * up),
            rotate=0.15 - 0.3 * up,
            elbow=0.16 + v.elbow_bend * (1.0 - 0.5 * up) + 0.25 * up,
            turned=0.25,
        )
    standing(figure, v, drop=0.005, heels=0.45 * up * v.amplitude)
    return figure


def reach_up(phase: float, v: Variation) -> Figure:
    """The left hand takes something from a high shelf; the other side hangs."""
    figure = Figure()
    up = hold(phase, 0.08, 0.42, 0.58, 0.95)
    manner(figure, v, flex=-0.05 * up, lean=-0.14 * up, twist=-0.16 * up)
    figure.gaze(v.head_nod * (1.0 - up) - 0.4 * up, v.head_turn * (1.0 - up) + 0.12 * up)
    hang_arm(figure, "right", v)
    figure.shrug("left", lift=0.5 * up)
    figure.arm(
        "left",
        out=0.21 + v.arms_out + 0.25 * up,
        forward=0.02 + 2.4 * up * (0.75 + 0.25 * v.amplitude),
        rotate=0.15 + 1.0 * up,
        elbow=0.16 + v.elbow_bend + 1.1 * math.sin(math.pi * up) ** 2 * (1.0 - 0.6 * up) + 0.1 * up,
        turned=0.25 + 0.5 * up,
    )
    grip = hold(phase, 0.35, 0.5, 0.6, 0.9)
    curl = tuple(
        (1.0 - up) * a + up * ((1.0 - grip) * b + grip * c) for a, b, c in zip(v.curl, FLAT, GRIP, strict=True)
    )
    hand(figure, "left", curl, v.spread)  # type: ignore[arg-type]
    standing(figure, v, drop=0.008 * (1.0 - up), heels=0.35 * up * v.amplitude, shift=0.02 * up)
    return figure


def squat(phase: float, v: Variation) -> Figure:
    """Down on both heels as far as comfortable, arms held out for balance, and up again."""
    figure = Figure()
    depth = hold(phase, 0.05, 0.45, 0.55, 0.95)
    low = depth * min(v.amplitude, 1.05)
    manner(figure, v, flex=0.38 * low)
    figure.gaze(v.head_nod * (1.0 - 0.5 * low) - 0.34 * low, v.head_turn)
    for side in ("left", "right"):
        figure.arm(
            side,
            out=0.21 + v.arms_out * (1.0 - 0.5 * low) - 0.02 * low,
            forward=0.02 + 1.25 * low,
            rotate=0.15 - 0.1 * low,
            elbow=0.16 + v.elbow_bend * (1.0 - 0.5 * low) + 0.15 * low,
            turned=0.25 + 0.6 * low,
            upright=low,
        )
    standing(
        figure,
        v,
        drop=0.006 + 0.36 * low,
        tilt=0.24 * low,
        width=1.0 + 0.5 * ramp(phase, -0.3, 0.0),
        knees_out=0.05 + 0.12 * low,
        toes_out=0.25,
    )
    return figure


def sit_down(phase: float, v: Variation) -> Figure:
    """Onto a seat at knee height, a rest with the hands near the knees, and up again."""
    figure = Figure()
    down = hold(phase, 0.05, 0.42, 0.62, 0.97)
    going = 4.0 * down * (1.0 - down)  # greatest on the way
    manner(figure, v, flex=0.10 * down + 0.30 * going)
    figure.gaze(v.head_nod - 0.25 * going, v.head_turn)
    tilt = 0.02 * down + 0.45 * going
    for side in ("left", "right"):
        figure.arm(
            side,
            out=0.22 + v.arms_out * (1.0 - down) + 0.02 * down,
            forward=0.02 + 0.62 * down + 0.15 * going,
            rotate=0.15,
            elbow=0.16 + v.elbow_bend * (1.0 - 0.7 * down) + 0.62 * down,
            turned=0.25 + 0.75 * down,
            upright=going,
        )
    # Seated, the seat bears the weight: the pelvis goes back from the place of balance to behind the feet.
    half, toes = HALF_STANCE * v.stance, 0.08 + v.toes_out
    start = STANDING_HEIGHT - 0.006 - 0.5 * half * half
    seat = ANKLE_HEIGHT + SHANK + 0.05
    height = start + (seat - start) * down
    figure.rotations[JOINT["pelvis"]] = np.array([tilt, 0.0, 0.0])
    feet = {
        side: Foot((outward(side) * half, 0.02 * v.asymmetry * outward(side), ANKLE_HEIGHT), yaw=toes)
        for side in ("left", "right")
    }
    figure.plant(feet, height, over=(0.0, -FEET_AHEAD * math.cos(toes)))
    ankles = figure.places()[[JOINT["left_ankle"], JOINT["right_ankle"]]]
    balance = -float(ankles[:, 1].mean())  # where the pelvis is for balance, seen from the feet
    figure.plant(feet, height, over=None, at=(0.0, balance * (1.0 - down) + 0.40 * down))
    return figure


def pick_up(phase: float, v: Variation) -> Figure:
    """Bend with the knees, take something from the floor with the left hand, and straighten up with it."""
    figure = Figure()
    down = hold(phase, 0.05, 0.42, 0.55, 0.97)
    low = down * min(v.amplitude, 1.0)
    manner(figure, v, flex=0.75 * low, lean=0.04 * low)
    figure.gaze(v.head_nod * (1.0 - low) - 0.15 * low, v.head_turn * (1.0 - low))
    figure.arm(
        "right",
        out=0.23 + v.arms_out + 0.25 * low,
        forward=0.02 + 0.1 * low,
        rotate=0.15,
        elbow=0.2 + v.elbow_bend + 0.5 * low,
        turned=0.3,
        upright=low,
    )
    figure.arm(
        "left",
        out=0.23 + v.arms_out * (1.0 - low) + 0.02 * low,
        forward=0.02 + 0.62 * low,
        rotate=0.15 * (1 - low),
        elbow=0.16 + v.elbow_bend * (1.0 - low) + 0.1 * low,
        turned=0.25 + 0.4 * low,
        upright=low,
    )
    grip = hold(phase, 0.4, 0.52, 0.8, 0.98)
    open_hand = hold(phase, 0.1, 0.35, 0.4, 0.52)
    curl = tuple(
        (1.0 - grip) * ((1.0 - open_hand) * a + open_hand * b) + grip * c
        for a, b, c in zip(v.curl, FLAT, GRIP, strict=True)
    )
    hand(figure, "left", curl)  # type: ignore[arg-type]
    standing(figure, v, drop=0.006 + 0.30 * low, tilt=0.75 * low, width=1.0 + 0.2 * down, knees_out=0.05 + 0.06 * low)
    return figure


def wave(phase: float, v: Variation) -> Figure:
    """The left hand greets, forearm swinging from the elbow."""
    figure = Figure()
    up = hold(phase, 0.02, 0.22, 0.82, 0.98)
    swing = math.sin(2.0 * math.pi * 4.0 * phase) * ramp(phase, 0.15, 0.3) * (1.0 - ramp(phase, 0.75, 0.85))
    manner(figure, v, lean=-0.05 * up)
    figure.gaze(v.head_nod, v.head_turn + 0.1 * up, 0.06 * up)
    hang_arm(figure, "right", v)
    figure.shrug("left", lift=0.12 * up)
    figure.arm(
        "left",
        out=0.21 + v.arms_out + 0.95 * up * min(v.amplitude, 1.1),
        forward=0.02 + 0.35 * up,
        rotate=0.15 - 1.2 * up,
        elbow=0.16 + v.elbow_bend * (1.0 - up) + up * (1.75 + 0.30 * v.amplitude * swing),
        turned=0.25 + 0.6 * up,
    )
    figure.wrist("left", toward_thumb=-0.12 * swing * up, flex=-0.15 * up)
    curl = tuple((1.0 - up) * a + up * b for a, b in zip(v.curl, FLAT, strict=True))
    hand(figure, "left", curl, v.spread + 0.06 * up)  # type: ignore[arg-type]
    standing(figure, v, drop=0.006, shift=0.015 * up)
    return figure


def hands_on_hips(phase: float, v: Variation) -> Figure:
    """Hands on the hips, elbows out; looks about."""
    figure = Figure()
    up = hold(phase, 0.02, 0.28, 0.75, 0.98)
    sway = breath(phase, 2.0) * up
    manner(figure, v, flex=-0.03 * up, lean=0.03 * sway)
    figure.gaze(v.head_nod, v.head_turn + 0.3 * sway)
    for side in ("left", "right"):
        figure.arm(
            side,
            out=0.21 + v.arms_out * (1.0 - up) + 0.62 * up,
            forward=0.02 - 0.38 * up,
            rotate=0.15 + 0.66 * up,
            elbow=0.16 + v.elbow_bend * (1.0 - up) + 1.42 * up,
            turned=0.25 + 0.35 * up,
        )
        figure.wrist(side, flex=-0.45 * up)
    standing(figure, v, drop=0.006, shift=0.02 * sway)
    return figure


def cross_arms(phase: float, v: Variation) -> Figure:
    """Arms folded before the chest, the left one over the right."""
    figure = Figure()
    up = hold(phase, 0.02, 0.3, 0.75, 0.98)
    way = math.sin(math.pi * up)
    manner(figure, v, flex=0.03 * up)
    figure.gaze(v.head_nod, v.head_turn + 0.2 * breath(phase, 2.0) * up)
    for side, front in (("left", 1.0), ("right", 0.0)):
        figure.shrug(side, forward=0.12 * up)
        figure.arm(
            side,
            out=0.21 + v.arms_out * (1.0 - up) + 0.10 * up + 0.05 * way,
            forward=0.02 + (0.60 + 0.20 * front) * up + 0.1 * way,
            rotate=0.15 + 0.95 * up,
            elbow=0.16 + v.elbow_bend * (1.0 - up) + (1.42 - 0.12 * front) * up,
            turned=0.25 + 0.45 * up,
        )
    standing(figure, v, drop=0.006, shift=0.01 * breath(phase, 2.0))
    return figure


def phone(phase: float, v: Variation) -> Figure:
    """A telephone at the left ear; the free hand talks along."""
    figure = Figure()
    up = hold(phase, 0.02, 0.28, 0.8, 0.98)
    talk = breath(phase, 3.0) * up
    manner(figure, v, flex=0.02 * up, twist=0.04 * talk)
    figure.gaze(v.head_nod + 0.05 * up, 0.5 * v.head_turn, 0.10 * up)
    figure.arm(
        "left",
        out=0.21 + v.arms_out * (1.0 - up) + 0.32 * up,
        forward=0.02 + 0.78 * up,
        rotate=0.15 - 0.10 * up,
        elbow=0.16 + v.elbow_bend * (1.0 - up) + 2.28 * up,
        turned=0.25 - 0.45 * up,
    )
    curl = tuple((1.0 - up) * a + up * b for a, b in zip(v.curl, GRIP, strict=True))
    hand(figure, "left", curl)  # type: ignore[arg-type]
    figure.arm(
        "right",
        out=0.21 + v.arms_out,
        forward=0.05 + 0.30 * up,
        rotate=0.15 + 0.1 * talk,
        elbow=0.16 + v.elbow_bend + (0.75 + 0.25 * talk * v.amplitude) * up,
        turned=0.25 - 0.3 * up,
    )
    standing(figure, v, drop=0.006, shift=0.03 * breath(phase) * up, roll=0.02 * breath(phase) * up)
    return figure


def point(phase: float, v: Variation) -> Figure:
    """The left hand points ahead and sweeps sideways; the head follows."""
    figure = Figure()
    up = hold(phase, 0.03, 0.3, 0.75, 0.98)
    aim = keyed(((0.3, -0.15), (0.7, 0.75)), phase)
    manner(figure, v, twist=0.12 * aim * up)
    figure.gaze(v.head_nod * (1.0 - 0.5 * up), v.head_turn * (1.0 - up) + 0.7 * aim * up)
    hang_arm(figure, "right", v)
    figure.arm(
        "left",
        out=0.21 + v.arms_out + (0.15 + 0.9 * aim) * up * v.amplitude,
        forward=0.02 + (1.35 - 0.25 * aim) * up,
        rotate=0.15 * (1.0 - up),
        elbow=0.16 + v.elbow_bend * (1.0 - up) + 0.6 * math.sin(math.pi * up) * (1 - up),
        turned=0.25 + 0.5 * up,
    )
    curl = tuple((1.0 - up) * a + up * b for a, b in zip(v.curl, POINT, strict=True))
    hand(figure, "left", curl)  # type: ignore[arg-type]
    standing(figure, v, drop=0.006)
    return figure


def clap(phase: float, v: Variation) -> Figure:
    """Applause: both hands before the chest, meeting again and again."""
    figure = Figure()
    up = hold(phase, 0.02, 0.2, 0.85, 0.98)
    apart = 0.5 - 0.5 * math.cos(2.0 * math.pi * 9.0 * phase)
    manner(figure, v, flex=0.03 * up)
    for side in ("left", "right"):
        figure.arm(
            side,
            out=0.21 + v.arms_out * (1.0 - up) + 0.02 * up,
            forward=0.02 + 0.55 * up,
            rotate=0.15 + (0.20 - 0.40 * apart * v.amplitude) * up,
            elbow=0.16 + v.elbow_bend * (1.0 - up) + 1.42 * up,
            turned=0.25 * (1.0 - up),
        )
        flat = tuple((1.0 - up) * a + up * b for a, b in zip(v.curl, FLAT, strict=True))
        hand(figure, side, flat)  # type: ignore[arg-type]
    standing(figure, v, drop=0.006)
    return figure


def dance(phase: float, v: Variation) -> Figure:
    """A two-beat step: knees and hips swing from side to side, fists and shoulders keep time."""
    figure = Figure()
    a = v.amplitude
    beat, double = breath(phase, 2.0), breath(phase, 4.0)
    manner(figure, v, flex=0.06 + 0.04 * double, lean=-0.16 * beat * a, twist=0.20 * breath(phase + 0.06, 2.0) * a)
    figure.gaze(v.head_nod + 0.10 * double, v.head_turn + 0.25 * beat, 0.12 * beat)
    for side in ("left", "right"):
        sign = outward(side)
        lift = 0.5 + 0.5 * sign * beat
        figure.shrug(side, lift=0.10 * lift)
        figure.arm(
            side,
            out=0.42 + v.arms_out + 0.30 * lift * a,
            forward=0.25 + 0.55 * lift * a,
            rotate=0.25 - 0.25 * lift,
            elbow=1.15 + 0.45 * lift,
            turned=0.3,
        )
        hand(figure, side, FIST if v.curl[1] > 0.4 else (0.5, 0.6, 0.65, 0.7, 0.7))
    standing(
        figure,
        v,
        drop=0.07 + 0.03 * double * a,
        shift=0.075 * beat * a,
        width=1.35,
        roll=0.13 * beat * a,
        turn=0.16 * beat * a,
        knees_out=0.1,
        toes_out=0.18,
    )
    return figure


POSTURES: dict[str, tuple[Callable[[float, Variation], Figure], float]] = {
    "stand": (shift_weight, 4.0),
    "sit": (sit_down, 4.0),
    "squat": (squat, 3.0),
    "reach": (reach_up, 3.0),
    "wave": (wave, 3.0),
    "pick": (pick_up, 3.5),
    "dance": (dance, 2.0),
    "stretch": (stretch, 4.0),
    "point": (point, 3.0),
    "clap": (clap, 2.5),
    "phone": (phone, 5.0),
    "hips": (hands_on_hips, 4.0),
    "folded": (cross_arms, 4.0),
}
