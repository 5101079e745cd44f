"""Reads one C3D file with ezc3d in a process of its own: `python -P c3d_child.py FILE`, run by `motion.c3d`.

ezc3d trusts what a file says and dies of a segmentation fault on some damaged ones; here it takes nobody along.
Writes to standard output an .npz archive: points (4, markers, frames), residuals (markers, frames), rate, and `texts`,
the POINT group's texts as JSON. A refusal is one line on standard error and status 3.
"""

from __future__ import annotations

import io
import json
import os
import sys

REFUSED = 3
MEMORY = 4 << 30  # bytes a file may make ezc3d ask for, beyond forty times its own size


def main(path: str) -> int:
    try:
        import resource

        limit = MEMORY + 40 * os.path.getsize(path)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        pass  # no such limits on this system: the time limit remains
    import ezc3d  # type: ignore[import-untyped]
    import numpy as np

    try:
        content = ezc3d.c3d(path)
        point = content["parameters"]["POINT"]
        texts = {
            name: [text.strip() for text in group["value"] if isinstance(text, str)]
            for name, group in point.items()
            if name != "__METADATA__"
        }
        buffer = io.BytesIO()
        np.savez(
            buffer,
            points=np.asarray(content["data"]["points"], np.float64),
            residuals=np.asarray(content["data"]["meta_points"]["residuals"], np.float64)[0],
            rate=np.float64(content["header"]["points"]["frame_rate"]),
            texts=np.array(json.dumps(texts)),
        )
    except Exception as error:  # ezc3d throws what C++ throws
        print((str(error).strip().splitlines() or [type(error).__name__])[0][:160], file=sys.stderr)
        return REFUSED
    sys.stdout.buffer.write(buffer.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
