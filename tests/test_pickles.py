"""Pickles are read as data: what is official comes out right, everything else is refused by name, nothing runs."""

from __future__ import annotations

import builtins
import collections
import os
import pickle
import pickletools
import struct
import subprocess
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from smpl_files import write_pickle

from densesynth import pickles
from densesynth.errors import AssetError
from densesynth.pickles import parse_pickle, read_pickle

PROTOCOLS = range(6)
CONTENT: dict[str, Any] = {
    "c": np.arange(12.0).reshape(3, 4),
    "fortran": np.asfortranarray(np.arange(6, dtype=np.int32).reshape(2, 3)),
    "empty": np.zeros((0, 5), np.float32),
    "point": np.array(7.5),
    "big endian": np.arange(3, dtype=">f8"),
    "bytes": np.array([b"ab", b"c"]),
    "mask": np.array([True, False]),
    "scalar": np.float32(3.5),
    "plain": (1, -5, 2**70, 2.5, "text", "äöü", b"\xff\x00", b"", None, True, [1, [2]], {"a": {}}),
    "set": {1, "two"},
    "ordered": collections.OrderedDict(a=1, b=np.ones(2)),
}
MATRICES = [make(np.eye(3)[:, [1, 0, 2]]) for make in (sparse.csc_matrix, sparse.csr_array, sparse.coo_matrix)]


def assert_same(found: Any, expected: Any) -> None:
    if isinstance(expected, np.ndarray):
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype.newbyteorder("=")
    elif isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            assert_same(found[key], expected[key])
    else:
        assert found == expected


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_python_pickles_comes_out_the_same(protocol: int) -> None:
    assert_same(parse_pickle(pickle.dumps(CONTENT, protocol), "file"), CONTENT)
    for matrix in MATRICES:
        found = parse_pickle(pickle.dumps(matrix, protocol), "file")
        np.testing.assert_array_equal(found.toarray(), matrix.toarray())
    shared = np.arange(3)
    first, second = parse_pickle(pickle.dumps([shared, shared], protocol), "file")
    assert first is second


def test_python_2_text_and_chumpy(tmp_path: Path) -> None:
    """By hand, as Python 2 wrote them: byte strings, copy_reg, a chumpy array and a selection of one."""
    raw = np.arange(6.0).tobytes()
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\np1\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\nI3\ntcnumpy\ndtype\n"
        b"(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS" + repr(raw)[1:].encode() + b"\ntb"
    )
    ch = b"ccopy_reg\n_reconstructor\n(cchumpy.ch\nCh\nc__builtin__\nobject\nNtR(dS'x'\n" + array + b"sS'_itr'\nNsb"
    found = parse_pickle(b"(dS'v'\n" + ch + b"sS'name'\nS'caf\\xe9'\ns.", "file")
    np.testing.assert_array_equal(found["v"], np.arange(6.0).reshape(2, 3))
    assert found["name"] == "café"
    selection = (
        b"\x80\x02cchumpy.reordering\nSelect\n)\x81}(U\x01a" + ch
        + b"U\x04idxs](K\x05K\x00eU\x0fpreferred_shapeK\x02K\x01\x86ub."
    )  # fmt: skip
    np.testing.assert_array_equal(parse_pickle(selection, "file"), [[5.0], [0.0]])
    for protocol in (0, 1, 2):
        path = write_pickle(tmp_path / "m.pkl", {"shapedirs": np.ones((4, 3, 2)), "r": MATRICES[0]}, protocol=protocol)
        np.testing.assert_array_equal(read_pickle(path)["shapedirs"], np.ones((4, 3, 2)))


class _Calls:
    """Pickles as a call of anything."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call


def _stage(tmp_path: Path) -> list[tuple[str, bytes]]:
    flag = str(tmp_path / "flag")
    calls = {
        "posix.system": (os.system, (f"touch {flag}",)),
        "__builtin__.eval": (eval, (f"open({flag!r}, 'w')",)),
        "__builtin__.exec": (exec, (f"open({flag!r}, 'w')",)),
        "subprocess.Popen": (subprocess.Popen, (["touch", flag],)),
        "__builtin__.getattr": (getattr, ("text", "upper")),
        "__builtin__.open": (builtins.open, (flag, "w")),
        "numpy.load": (np.load, (flag,)),
        "__builtin__.bytearray": (bytearray, (10**12,)),
        "__builtin__.map": (map, (os.system, [f"touch {flag}"])),
    }
    return [(name, pickle.dumps({"J": _Calls(*call)}, p)) for name, call in calls.items() for p in PROTOCOLS]


def test_calls_are_refused_by_name_and_never_made(tmp_path: Path) -> None:
    for name, content in _stage(tmp_path):
        path = tmp_path / "basicModel_f.pkl"
        path.write_bytes(content)
        with pytest.raises(AssetError) as caught:
            read_pickle(path)
        said = str(caught.value)
        assert name.rpartition(".")[2] in said, said
        assert str(path) in said
        assert "\n" not in said
    assert not (tmp_path / "flag").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.",  # STACK_GLOBAL
        b"(S'id'\nios\nsystem\n.",  # INST
        b"(cos\nsystem\nS'id'\no.",  # OBJ
        b"cos\nsystem\n)\x81.",  # NEWOBJ
        b"cnumpy\nndarray\n.",  # a class alone
        b"cnumpy\nndarray\n(K\x05tR.",  # calling a known class that isn't to be called
        b"c__builtin__\nobject\n)R.",
        b"}(S'__setstate__'\ncos\nsystem\nu}b.",
        b"}(S'a'\nK\x01u}(S'__class__'\nS'x'\nub.",  # BUILD on a dictionary
        b"cchumpy.ch\nCh\n)\x81}(S'x'\ncnumpy\ndtype\nub.",
        b"cchumpy.ch\nCh\n)\x81q\x00}(S'x'\nh\x00ub.",  # its own value
        b"cchumpy.ch\nCh\n)\x81(S'__setstate__'\nS'x'\nlb.",
        b"ccopy_reg\n_reconstructor\n(c__builtin__\nset\nc__builtin__\nobject\nNtR.",
        b"ccopy_reg\n_reconstructor\n(cchumpy.ch\nCh\nc__builtin__\nset\nNtR.",
        b"c_codecs\nencode\n(S'x'\nS'zip'\ntR.",
        b"\x82\x01.",  # EXT1
        b"Pos.system\n.",  # PERSID
        b"S'x'\nQ.",  # BINPERSID
        b"cnumpy.core.multiarray\n_reconstruct\n(c__builtin__\nset\n(I0\ntS'b'\ntR.",
        b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR.",
        b"cnumpy\ndtype\n(S'f8,O'\nI0\nI1\ntR.",
        b"cnumpy\ndtype\n(S'V9999999999'\nI0\nI1\ntR.",
        b"(" * 10_000 + b".",
        b"]" * 10_000 + b"a" * 9_999 + b"c__builtin__\nset\n.",
        b"." , b"", b"0.", b"N", b"h\x05.", b"g1\n.", b"\x8a\xff\x01.", b"I" + b"9" * 6000 + b"\n.",
        b"((NN" + b"t" * 1 + b"t" + b"N" + b"\x86" * 10_000 + b"}NNs.",
    ],
)  # fmt: skip
def test_tricks_end_in_one_line(content: bytes) -> None:
    with pytest.raises(AssetError) as caught:
        parse_pickle(content, "trick.pkl")
    assert str(caught.value).startswith("trick.pkl: ")
    assert "\n" not in str(caught.value)


def test_a_deep_key_does_not_overflow_the_stack() -> None:
    with pytest.raises(AssetError, match="plain value"):
        parse_pickle(b"}N" + b"\x85" * 50_000 + b"Ns.", "deep")


def test_memory_bombs_are_refused_before_they_swell() -> None:
    dtype = b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"
    head = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n"
    huge = (b"(L99999999999L\nL99999999999L\nt", b"(I40000000000\nt", b"(I-1\nt", b"(I0\nL4611686018427387904L\nt")
    bombs = [head + shape + dtype + b"I00\nS'12345678'\ntb." for shape in huge]
    bombs += [
        b"X\xff\xff\xff\xffab.",
        b"\x8e" + struct.pack("<Q", 2**40) + b"ab.",
        b"\x96" + struct.pack("<Q", 2**62) + b".",
        b"T\xff\xff\xff\x7f.",
        b"Nr\xff\xff\xff\xffj\xff\xff\xff\xff\x86" + b"2" * 50 + b"0" * 50 + b".",  # a memo slot of 4 billion: no table
    ]
    tracemalloc.start()
    try:
        for bomb in bombs:
            try:
                parse_pickle(bomb, "bomb")
            except AssetError as error:
                assert "bomb: " in str(error)  # noqa: PT017 (one of them is harmless)
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_the_number_of_operations_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickles, "MAX_OPERATIONS", 1000)
    with pytest.raises(AssetError, match="more than 1000 operations"):
        parse_pickle(b"}" * 1001, "bomb")


def test_sparse_matrices_are_checked() -> None:
    good = sparse.csc_matrix(np.eye(3))
    for key, value in {
        "indices": np.array([0, 1, 9], np.int32),
        "indptr": np.array([0, 1, 2], np.int32),
        "data": "text",
        "_shape": (3, 10**15),
    }.items():
        bad = sparse.csc_matrix(np.eye(3))
        bad.__dict__[key] = value
        with pytest.raises(AssetError):
            parse_pickle(pickle.dumps(bad, 2), "file")
    assert parse_pickle(pickle.dumps(good, 2), "file").nnz == 3


@pytest.fixture
def tripwire(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what was called that a pickle might wish to call."""
    called: list[str] = []
    monkeypatch.setattr(os, "system", lambda *_: called.append("os.system"))
    monkeypatch.setattr(os, "popen", lambda *_: called.append("os.popen"))
    monkeypatch.setattr(subprocess, "Popen", lambda *_: called.append("subprocess.Popen"))
    return called


ALPHABET = sorted(code.code.encode("latin-1") for code in pickletools.opcodes)
PIECES = [
    *ALPHABET, b"cos\nsystem\n", b"csubprocess\nPopen\n", b"cnumpy\ndtype\n", b"cnumpy\nndarray\n", b"cchumpy.ch\nCh\n",
    b"cnumpy.core.multiarray\n_reconstruct\n", b"ccopy_reg\n_reconstructor\n", b"c__builtin__\nset\n",
    b"cscipy.sparse.csc\ncsc_matrix\n", b"(S'f8'\nI0\nI1\ntR", b"S'x'\n", b"I3\n", b"K\x02", b"\x8c\x02os",
    b"\x8c\x06system", b"h\x00", b"q\x00", b"U\x08\x00\x00\x00\x00\x00\x00\xf0?", b"}", b"]", b"(", b"N",
]  # fmt: skip


def _survives(content: bytes) -> None:
    said = "fuzz: "
    try:
        parse_pickle(content, "fuzz")
    except AssetError as error:
        said = str(error)
    assert said.startswith("fuzz: ")
    assert "\n" not in said


def test_fuzz(tripwire: list[str]) -> None:
    seeds = [pickle.dumps(CONTENT, p) for p in PROTOCOLS] + [pickle.dumps(MATRICES, p) for p in (0, 2, 4)]
    seeds += [pickle.dumps(_Calls(print, ("ran",)), p) for p in (0, 2, 4)]

    @settings(max_examples=250, deadline=None)
    @given(st.binary(max_size=200))
    def random_bytes(content: bytes) -> None:
        _survives(content)
        _survives(b"\x80\x02" + content + b".")

    @settings(max_examples=500, deadline=None)
    @given(st.lists(st.sampled_from(PIECES), max_size=30))
    def random_programs(pieces: list[bytes]) -> None:
        _survives(b"".join(pieces) + b".")

    @settings(max_examples=500, deadline=None)
    @given(
        st.sampled_from(seeds),
        st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(PIECES + [bytes([b]) for b in range(256)]))),
        st.booleans(),
    )
    def mutated(seed: bytes, edits: list[tuple[int, bytes]], insert: bool) -> None:
        for where, piece in edits:
            at = where % len(seed)
            seed = seed[:at] + piece + seed[at + (0 if insert else len(piece)) :]
        _survives(seed)

    random_bytes()
    random_programs()
    mutated()
    assert tripwire == []


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="can't be read"):
        read_pickle(tmp_path / "absent.pkl")
