"""A folder of the user's files, of which those that can't be used are left out and named."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection
from pathlib import Path

from densesynth.errors import AssetError


def keep_readable(
    folder: Path, read: Callable[[Path], object], *, suffixes: Collection[str], what: str, setting: str
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Files of `folder` and its subfolders that `read` takes, sorted; then why each of the others was left out, which
    is warned of too.

    suffixes: endings to look at, lower case with the dot. what, setting: what the files should be, and the recipe's key
    for them, in errors. `read` refuses by AssetError; raises AssetError when no file is left.
    """
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise AssetError(f"{folder}: expected a folder of {what}, found {found}; correct {setting}")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes and path.is_file())
    good, left_out = [], []
    for path in files:
        try:
            read(path)
        except AssetError as error:
            left_out.append(str(error))
            warnings.warn(f"{error}; left out", stacklevel=3)
        else:
            good.append(path)
    if not good:
        among = f"none of the {len(files)} there can be used ({left_out[0]})" if files else "found none"
        raise AssetError(f"{folder}: expected {what}, {among}")
    return tuple(good), tuple(left_out)
