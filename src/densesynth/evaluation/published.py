"""The figures of *Learning Dense Correspondence from Synthetic Environments* (2022), percent, to stand beside ours.

DensePose-COCO 2014 minival: 1,508 pictures, 5,581 people. Table 1: fine-tuned on synthetic people; Table 2: trained on
real ones; Table 3: boxes of the real-data model, the rest synthetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

TableName = Literal["table1", "table2", "table3"]
COLUMNS = ("AP", "AP50", "AP75", "AR", "AR50", "AR75")

# Rows by the names of `evaluate`'s modes; box AP was published without recalls.
PUBLISHED: Mapping[str, Mapping[str, tuple[float, ...]]] = {
    "table1": {
        "box": (58.35, 84.89, 63.99),
        "gps": (52.18, 85.69, 57.96, 61.07, 91.48, 69.19),
        "gpsm": (54.38, 88.02, 63.79, 62.08, 93.40, 72.89),
        "iou": (57.30, 91.69, 66.62, 64.91, 94.07, 76.19),
    },
    "table2": {
        "box": (61.08, 88.04, 67.10),
        "gps": (65.54, 91.73, 75.36, 73.02, 95.09, 81.32),
        "gpsm": (66.69, 92.74, 79.62, 72.61, 96.03, 84.31),
        "iou": (68.33, 94.54, 81.51, 73.74, 96.70, 86.22),
    },
    "table3": {
        "gps": (53.87, 88.18, 59.54, 61.25, 91.84, 68.83),
        "gpsm": (56.56, 90.52, 66.90, 62.44, 93.89, 73.25),
        "iou": (59.07, 92.44, 69.67, 65.38, 94.78, 76.59),
    },
}


def published(table: TableName, row: str) -> dict[str, float]:
    """Metric → percent of a table's row (`box` or a mode); metrics that weren't published are missing."""
    return dict(zip(COLUMNS, PUBLISHED[table].get(row, ()), strict=False))
