"""Scores: GPS, GPSm and mask AP as DensePose-COCO counts them, box AP, and errors on exact truth."""
