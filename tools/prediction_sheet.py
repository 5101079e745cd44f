"""Draws pictures beside what a model says of them: tools/prediction_sheet.py PICTURE-OR-FOLDER… --out sheet.jpg"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from densesynth.arrays import Array, UInt8
from densesynth.data.files import encode_jpeg, write_bytes
from densesynth.evaluation.detect import detections_of, open_predictor
from densesynth.model.small.checkpoint import shipped_checkpoint
from densesynth.predict import draw_overlay, find_pictures, read_photo
from densesynth.view.draw import enlarge

GREY = 32


def fit(picture: UInt8[Array, "h w 3"], side: int) -> UInt8[Array, "s s 3"]:
    """The picture within a square."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    small = enlarge(picture, (max(1, round(width * scale)), max(1, round(height * scale))))
    square = np.full((side, side, 3), GREY, np.uint8)
    top, left = (side - small.shape[0]) // 2, (side - small.shape[1]) // 2
    square[top : top + small.shape[0], left : left + small.shape[1]] = small
    return square


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--model", type=Path, help="densesynth's own when left out")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--most", type=int, default=16, help="pictures of each folder")
    parser.add_argument("--columns", type=int, default=4)
    parser.add_argument("--side", type=int, default=200)
    parser.add_argument("--score", type=float, default=0.3, help="people less sure are left out")
    options = parser.parse_args()
    predictor = open_predictor(options.model or shipped_checkpoint(), score_threshold=options.score)
    cells = []
    for place in options.pictures:
        for source in find_pictures(place)[: options.most]:
            picture = read_photo(source.path)
            found = detections_of(predictor(picture, None), 0)
            print(f"{source.name}: {', '.join(f'{one.score:.2f}' for one in found) or 'nobody'}")
            cells.append(np.hstack([fit(view, options.side) for view in (picture, draw_overlay(picture, found))]))
    cells += [np.full_like(cells[0], GREY)] * (-len(cells) % options.columns)
    rows = [np.hstack(cells[k : k + options.columns]) for k in range(0, len(cells), options.columns)]
    write_bytes(options.out, encode_jpeg(np.ascontiguousarray(np.vstack(rows)), 85))


if __name__ == "__main__":
    main()
