"""What the names in a pickle of arrays stand for: functions of this module that take the pickled arguments apart.

Each answers a value, or a `Pending` where the pickle gives the state afterwards. Array states follow NumPy's
`__reduce__` and `__setstate__`; chumpy's classes keep their values in `x`, its selections in `a` and `idxs`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

_DTYPE = re.compile(r"[<>|=]?(?:b1|[iu][1248]|f[248]|c(?:8|16)|S[1-9][0-9]{0,8})")
_SCALARS = (str, bytes, int, float, bool, type(None))


class RefusalError(Exception):
    """What the file may not hold, in words."""


class Name:
    """A global the pickle names: never the thing itself."""

    def __init__(self, name: str) -> None:
        self.name = name


class Pending:
    """An object whose state is still to come (opcode BUILD); `build` turns the state into the value."""

    def __init__(self, build: Callable[[Any], Any]) -> None:
        self.build = build
        self.slots: list[int] = []


def check_whole(items: list[Any]) -> list[Any]:
    if any(isinstance(item, Pending) for item in items):
        raise ValueError("an array is used before its data")
    return items


def check_keys(items: list[Any]) -> list[Any]:
    """Plain keys only: hashing a deep nest of tuples would overflow the stack."""
    for item in items:
        parts = item if isinstance(item, tuple) else (item,)
        if not all(isinstance(part, _SCALARS) for part in parts):
            raise ValueError("a key is no plain value")
    return items


def call(name: Any, known: dict[str, Callable[..., Any]], arguments: Any) -> Any:
    if not isinstance(name, Name):
        raise RefusalError(f"the pickle calls a {type(name).__name__}")
    if name.name not in known:
        raise RefusalError(f"the pickle calls {name.name}")
    if not isinstance(arguments, tuple):
        raise TypeError("arguments are no tuple")
    return known[name.name](*check_whole(list(arguments)))


def clean(text: str) -> str:
    return text.encode("unicode_escape", "backslashreplace").decode("ascii")[:80]


def settle_name(module: str, name: str) -> str:
    """One name for what Python 2 and 3, and old and new NumPy and scipy, call differently."""
    module = {"builtins": "__builtin__", "copyreg": "copy_reg"}.get(module, module)
    module = re.sub(r"^numpy\._core\.", "numpy.core.", module)
    module = re.sub(r"^scipy\.sparse\._?(csc|csr|coo)$", r"scipy.sparse.\1", module)
    module = {"chumpy": "chumpy.ch"}.get(module, module)
    return f"{module}.{name}"


def _bytes(value: Any) -> bytes | memoryview:
    """Array data: bytes (or a view of a mapped file, which serves as such), or a Python 2 string."""
    return value if isinstance(value, bytes | memoryview) else str(value).encode("latin-1")


def _integer(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError("expected an integer")
    return value


def _array(raw: bytes | memoryview, dtype: Any, shape: Any, order: Any) -> Any:
    if not isinstance(dtype, np.dtype) or not isinstance(shape, tuple):
        raise TypeError("an array without dtype or shape")
    count = 1
    for length in shape:
        if _integer(length) < 0:
            raise ValueError("an array of negative length")
        count *= length
    if count * dtype.itemsize != len(raw):
        raise ValueError(f"an array of shape {str(shape)[:60]} needs {count * dtype.itemsize} bytes, found {len(raw)}")
    array = np.frombuffer(raw, dtype) if raw else np.zeros(0, dtype)
    return array.astype(dtype.newbyteorder("="), copy=False).reshape(shape, order="F" if order else "C")


def _build_array(state: Any) -> Any:
    shape, dtype, fortran, raw = state[-4:]
    if isinstance(raw, list):
        raise RefusalError("the pickle holds an array of Python objects")
    return _array(_bytes(raw), dtype, shape, fortran)


def _reconstruct(kind: Any, _shape: Any, _typecode: Any) -> Pending:
    if not isinstance(kind, Name) or kind.name != "numpy.ndarray":
        raise RefusalError("the pickle holds an array of an unknown class")
    return Pending(_build_array)


def _from_buffer(raw: Any, dtype: Any, shape: Any, order: Any) -> Any:
    return _array(_bytes(raw), dtype, shape, order == "F")


def _scalar(dtype: Any, raw: Any) -> Any:
    return _array(_bytes(raw), dtype, (1,), False)[0]


def _dtype(text: Any, *_flags: Any) -> Pending:
    text = text.decode("ascii") if isinstance(text, bytes) else str(text)
    if _DTYPE.fullmatch(text) is None:
        raise RefusalError(f"the pickle holds an array of dtype {clean(text)}")

    def build(state: Any) -> np.dtype[Any]:
        order = bytes(_bytes(state[1])).decode("latin-1")
        if order not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
            raise RefusalError("the pickle holds an array of records")
        return np.dtype(text).newbyteorder(order)

    return Pending(build)


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise RefusalError("the pickle encodes something other than bytes")
    return text.encode("latin-1")


def _reconstructor(kind: Any, base: Any, value: Any) -> Any:
    if not isinstance(base, Name) or base.name != "__builtin__.object" or value is not None:
        raise RefusalError("the pickle makes an object of an unknown class")
    return call(kind, CLASSES, ())


def _state(state: Any) -> dict[str, Any]:
    if isinstance(state, tuple):  # (attributes, slots)
        state = state[0]
    if not isinstance(state, dict):
        raise TypeError("an object whose state is no dictionary")
    return state


def _build_compressed(make: Any) -> Callable[..., Pending]:
    def build(state: Any) -> Any:
        state = _state(state)
        parts = [state[key] for key in ("data", "indices", "indptr")]
        if not all(isinstance(part, np.ndarray) and part.ndim == 1 for part in parts):
            raise ValueError("a sparse matrix without its arrays")
        matrix = make(tuple(parts), shape=_matrix_shape(state))
        matrix.check_format(full_check=True)
        return matrix

    return lambda: Pending(build)


def _build_coordinates(state: Any) -> Any:
    state = _state(state)
    row, column = state["coords"] if "coords" in state else (state["row"], state["col"])
    if not all(isinstance(part, np.ndarray) and part.ndim == 1 for part in (state["data"], row, column)):
        raise ValueError("a sparse matrix without its arrays")
    return sparse.coo_matrix((state["data"], (row, column)), shape=_matrix_shape(state))


def _matrix_shape(state: dict[str, Any]) -> tuple[int, int]:
    rows, columns = state["_shape"] if "_shape" in state else state["shape"]
    return _integer(rows), _integer(columns)


def _chumpy_values(state: Any) -> Any:
    return np.asarray(_numeric(_state(state)["x"]))


def _chumpy_selection(state: Any) -> Any:
    """chumpy.reordering.Select: some elements of another array, in a shape of their own."""
    state = _state(state)
    chosen = np.asarray(_numeric(state["a"])).ravel()[np.asarray(_numeric(state["idxs"]))]
    return chosen.reshape(state["preferred_shape"]) if "preferred_shape" in state else chosen


def _numeric(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic | int | float):
        return value
    if isinstance(value, list) and all(isinstance(item, int | float | np.generic) for item in value):
        return value
    raise ValueError("a chumpy array without values")


def _dictionary(*arguments: Any) -> dict[Any, Any]:
    pairs = arguments[0] if arguments else []
    if not isinstance(pairs, list):
        raise TypeError("a dictionary of no pairs")
    return dict(zip(check_keys([key for key, _ in pairs]), check_whole([value for _, value in pairs]), strict=True))


def _set(*arguments: Any) -> set[Any]:
    items = arguments[0] if arguments else []
    if not isinstance(items, list | tuple):
        raise TypeError("a set of no items")
    return set(check_keys(list(items)))


CLASSES: dict[str, Callable[..., Any]] = {
    "chumpy.ch.Ch": lambda *_: Pending(_chumpy_values),
    "chumpy.reordering.Select": lambda *_: Pending(_chumpy_selection),
    "collections.OrderedDict": _dictionary,
    **{
        f"scipy.sparse.{kind}.{kind}_{form}": make
        for kind, make in (
            ("csc", _build_compressed(sparse.csc_matrix)),
            ("csr", _build_compressed(sparse.csr_matrix)),
            ("coo", lambda: Pending(_build_coordinates)),
        )
        for form in ("matrix", "array")
    },
}
CALLS: dict[str, Callable[..., Any]] = {
    **CLASSES,
    "numpy.core.multiarray._reconstruct": _reconstruct,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy.core.numeric._frombuffer": _from_buffer,
    "numpy.dtype": _dtype,
    "copy_reg._reconstructor": _reconstructor,
    "_codecs.encode": _encode,
    "__builtin__.bytes": lambda: b"",  # Python 3 writes empty bytes so, for Python 2
    "__builtin__.set": _set,
    "__builtin__.frozenset": lambda *arguments: frozenset(_set(*arguments)),
}
KNOWN = {*CALLS, "numpy.ndarray", "__builtin__.object"}
