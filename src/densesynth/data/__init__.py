"""Datasets on disk: records, COCO DensePose JSON, resume, audit."""
