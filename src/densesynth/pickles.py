"""Reading pickles as data: arrays, sparse matrices and plain containers come out, and nothing is ever called.

The official SMPL files are Python-2 pickles that name chumpy and scipy classes. Python's own unpickler would import
and call whatever a file names; here a small machine of its own reads the opcodes, the few names it knows stand for
functions of `pickle_names`, and any other name is refused. Opcodes are those of the standard library's `pickletools`.
"""

from __future__ import annotations

import codecs
import mmap
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from densesynth.errors import AssetError
from densesynth.pickle_names import (
    CALLS,
    CLASSES,
    KNOWN,
    Name,
    Pending,
    RefusalError,
    call,
    check_keys,
    check_whole,
    clean,
    settle_name,
)  # fmt: skip

MAX_OPERATIONS = 4_000_000  # official files need some thousands; keeps a small hostile file from filling the memory
LARGE = 1 << 20  # bytes from which `map_pickle` leaves a piece on disk
_DAMAGE = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, struct.error, MemoryError,
    RecursionError,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """What a kind of pickle may hold besides arrays. names: global → function of its pickled arguments (a `Pending`
    where a state follows). load: answers the values that the file keeps outside the pickle. expected: for people."""

    names: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    load: Callable[[Any], Any] | None = None
    expected: str = "arrays and sparse matrices"


PLAIN = Dialect()


def read_pickle(path: Path) -> Any:
    """A pickle file's content: builtin containers, strings, numbers, NumPy arrays, scipy sparse matrices.

    Python 2's strings come as str (latin-1), chumpy arrays as NumPy arrays; arrays may be read-only. Raises AssetError,
    one line with the file's name, when the file is missing or damaged, or names anything else.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise AssetError(f"{path}: can't be read ({error.strerror or error})") from None
    return parse_pickle(content, str(path))


def map_pickle(path: Path) -> Any:
    """`read_pickle` for files of a gigabyte: large arrays are views of the file on disk and take no memory until used.

    Holds for arrays stored as raw bytes (Python 2's protocol 2, Python 3's 3 and later). Raises AssetError.
    """
    try:
        with open(path, "rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise AssetError(f"{path}: there is no such file") from None
    except (OSError, ValueError) as error:
        raise AssetError(f"{path}: can't be read ({error})") from None
    return parse_pickle(content, str(path))


def parse_pickle(content: bytes | mmap.mmap, source: str, dialect: Dialect = PLAIN) -> Any:
    """`read_pickle` of bytes; `source` names them in errors, `dialect` says what more they may hold."""
    return parse_leading_pickle(content, source, dialect)[0]


def parse_leading_pickle(content: bytes | mmap.mmap, source: str, dialect: Dialect = PLAIN) -> tuple[Any, int]:
    """The pickle that bytes begin with, and where it ends: for files that hold several, one after another."""
    machine = _Machine(content, dialect)
    try:
        return machine.run(), machine.at
    except RefusalError as refusal:
        raise AssetError(
            f"{source}: refused: {refusal}; expected a pickle of {dialect.expected} only, "
            "so take the file from where it is officially given out"
        ) from None
    except _DAMAGE as error:
        reason = str(error).split("\n")[0][:120] or type(error).__name__
        raise AssetError(
            f"{source}: no pickle, cut off or damaged (at byte {machine.at}: {reason}); download the file again"
        ) from None


class _Machine:
    """Opcodes to values. Every method is one opcode or a few that differ in how their argument is written."""

    def __init__(self, content: bytes | mmap.mmap, dialect: Dialect) -> None:
        self.content = content
        self.calls = {**CALLS, **dialect.names}
        self.classes = {**CLASSES, **dialect.names}
        self.known = KNOWN | dialect.names.keys()
        self.load = dialect.load
        self.at = 0
        self.stack: list[Any] = []
        self.marked: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        for _ in range(MAX_OPERATIONS):
            code = self.take(1)
            if code == b".":
                result = self.pop()
                if isinstance(result, Name | Pending):
                    raise ValueError("the pickle holds no value")
                return result
            operation = _OPERATIONS.get(code)
            if operation is None:
                raise ValueError(f"opcode {code!r} has no place in a file of arrays")
            operation(self)
        raise ValueError(f"more than {MAX_OPERATIONS} operations")

    def take(self, count: int) -> bytes:
        piece = self.content[self.at : self.at + count]
        if count < 0 or len(piece) != count:
            raise ValueError("the file ends too early")
        self.at += count
        return piece

    def take_large(self, count: int) -> bytes | memoryview:
        """`take`, but a view where the content is a mapped file and the piece is large."""
        if isinstance(self.content, bytes) or count < LARGE:
            return self.take(count)
        if self.at + count > len(self.content):
            raise ValueError("the file ends too early")
        self.at += count
        return memoryview(self.content)[self.at - count : self.at]

    def skip(self, count: int) -> None:
        self.take(count)

    def number(self, layout: str) -> int:
        return int(struct.unpack(layout, self.take(struct.calcsize(layout)))[0])

    def line(self) -> bytes:
        end = self.content.find(b"\n", self.at)
        if end < 0:
            raise ValueError("the file ends too early")
        piece = self.content[self.at : end]
        self.at = end + 1
        return piece

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        return self.stack.pop()

    def pop_marked(self) -> list[Any]:
        items, self.stack = self.stack, self.marked.pop()
        return items

    def pop_to_mark(self) -> None:
        self.pop_marked()

    def mark(self) -> None:
        self.marked.append(self.stack)
        self.stack = []

    def pop_any(self) -> None:
        if self.stack:
            self.pop()
        else:
            self.pop_marked()

    def name(self, module: str, name: str) -> None:
        known = settle_name(module, name)
        if known not in self.known:
            raise RefusalError(f"the pickle names {clean(module)}.{clean(name)}")
        self.push(Name(known))

    def put(self, slot: int) -> None:
        value = self.stack[-1]
        self.memo[slot] = value
        if isinstance(value, Pending):
            value.slots.append(slot)

    def reduce(self) -> None:
        arguments, name = self.pop(), self.pop()
        self.push(call(name, self.calls, arguments))

    def make(self, arguments: Any, name: Any) -> None:
        self.push(call(name, self.classes, arguments))

    def outside(self) -> None:
        if self.load is None:
            raise RefusalError("the pickle keeps values outside itself")
        self.push(self.load(self.pop()))

    def build(self) -> None:
        state, pending = self.pop(), self.stack[-1]
        if not isinstance(pending, Pending):
            raise RefusalError(f"the pickle sets the state of a {type(pending).__name__}")
        value = pending.build(state)
        self.stack[-1] = value
        for slot in pending.slots:
            if self.memo[slot] is pending:
                self.memo[slot] = value

    def append(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is list:
            target.extend(check_whole(items))
        elif type(target) is set:
            target.update(check_keys(items))
        else:
            raise RefusalError(f"the pickle appends to a {type(target).__name__}")

    def set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict:
            raise RefusalError(f"the pickle sets items of a {type(target).__name__}")
        target.update(zip(check_keys(items[::2]), check_whole(items[1::2]), strict=True))


# Opcodes, by the way their argument is written.


def _quoted(machine: _Machine) -> None:
    text = machine.line().rstrip(b"\r")
    if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"'):
        raise ValueError("a string without quotes")
    machine.push(codecs.escape_decode(text[1:-1])[0].decode("latin-1"))


def _decimal(machine: _Machine) -> None:
    text = machine.line().rstrip(b"\rL")
    machine.push({b"00": False, b"01": True}.get(text) if text in (b"00", b"01") else int(text))


def _long(machine: _Machine, layout: str) -> None:
    machine.push(int.from_bytes(machine.take(machine.number(layout)), "little", signed=True))


def _latin(machine: _Machine, layout: str) -> None:
    piece = machine.take_large(machine.number(layout))
    machine.push(piece if isinstance(piece, memoryview) else piece.decode("latin-1"))


def _unicode(machine: _Machine, layout: str) -> None:
    machine.push(machine.take(machine.number(layout)).decode("utf-8", "surrogatepass"))


def _raw(machine: _Machine, layout: str) -> None:
    machine.push(machine.take_large(machine.number(layout)))


def _tuple(machine: _Machine, count: int) -> None:
    if len(machine.stack) < count:
        raise IndexError("the stack is too short")
    items = machine.stack[len(machine.stack) - count :]
    del machine.stack[len(machine.stack) - count :]
    machine.push(tuple(check_whole(items)))


def _instance(machine: _Machine) -> None:
    module, name = machine.line().decode("utf-8"), machine.line().decode("utf-8")
    items = machine.pop_marked()
    machine.name(module, name)
    machine.make(tuple(items), machine.pop())


def _object(machine: _Machine) -> None:
    items = machine.pop_marked()
    machine.make(tuple(items[1:]), items[0])


def _new(machine: _Machine) -> None:
    arguments, name = machine.pop(), machine.pop()
    machine.make(arguments, name)


def _new_with_keywords(machine: _Machine) -> None:
    if machine.pop() != {}:
        raise RefusalError("the pickle makes an object with keywords")
    _new(machine)


def _stack_global(machine: _Machine) -> None:
    name, module = machine.pop(), machine.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise TypeError("a name is no string")
    machine.name(module, name)


def _dict_of_marked(machine: _Machine) -> None:
    items = machine.pop_marked()
    machine.push({})
    machine.set_items(items)


def _one_item(machine: _Machine) -> None:
    value, key = machine.pop(), machine.pop()
    machine.set_items([key, value])


def _one_more(machine: _Machine) -> None:
    item = machine.pop()
    machine.append([item])


_OPERATIONS: dict[bytes, Callable[[_Machine], None]] = {
    b"\x80": lambda m: m.skip(1),  # PROTO
    b"\x95": lambda m: m.skip(8),  # FRAME: its length doesn't matter to us
    b"(": _Machine.mark,
    b"0": _Machine.pop_any,
    b"1": _Machine.pop_to_mark,
    b"2": lambda m: m.push(m.stack[-1]),
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"I": _decimal,
    b"L": _decimal,
    b"J": lambda m: m.push(m.number("<i")),
    b"K": lambda m: m.push(m.number("<B")),
    b"M": lambda m: m.push(m.number("<H")),
    b"\x8a": lambda m: _long(m, "<B"),
    b"\x8b": lambda m: _long(m, "<i"),
    b"F": lambda m: m.push(float(m.line())),
    b"G": lambda m: m.push(float(struct.unpack(">d", m.take(8))[0])),
    b"S": _quoted,
    b"T": lambda m: _latin(m, "<i"),
    b"U": lambda m: _latin(m, "<B"),
    b"V": lambda m: m.push(m.line().decode("raw-unicode-escape")),
    b"X": lambda m: _unicode(m, "<I"),
    b"\x8c": lambda m: _unicode(m, "<B"),
    b"\x8d": lambda m: _unicode(m, "<Q"),
    b"B": lambda m: _raw(m, "<I"),
    b"C": lambda m: _raw(m, "<B"),
    b"\x8e": lambda m: _raw(m, "<Q"),
    b"\x96": lambda m: _raw(m, "<Q"),  # BYTEARRAY8
    b"]": lambda m: m.push([]),
    b"l": lambda m: m.push(check_whole(m.pop_marked())),
    b"a": _one_more,
    b"e": lambda m: m.append(m.pop_marked()),
    b")": lambda m: m.push(()),
    b"t": lambda m: m.push(tuple(check_whole(m.pop_marked()))),
    b"\x85": lambda m: _tuple(m, 1),
    b"\x86": lambda m: _tuple(m, 2),
    b"\x87": lambda m: _tuple(m, 3),
    b"}": lambda m: m.push({}),
    b"d": _dict_of_marked,
    b"s": _one_item,
    b"u": lambda m: m.set_items(m.pop_marked()),
    b"\x8f": lambda m: m.push(set()),
    b"\x90": lambda m: m.append(m.pop_marked()),
    b"\x91": lambda m: m.push(frozenset(check_keys(m.pop_marked()))),
    b"g": lambda m: m.push(m.memo[int(m.line())]),
    b"h": lambda m: m.push(m.memo[m.number("<B")]),
    b"j": lambda m: m.push(m.memo[m.number("<I")]),
    b"p": lambda m: m.put(int(m.line())),
    b"q": lambda m: m.put(m.number("<B")),
    b"r": lambda m: m.put(m.number("<I")),
    b"\x94": lambda m: m.put(len(m.memo)),
    b"c": lambda m: m.name(m.line().decode("utf-8"), m.line().decode("utf-8")),
    b"\x93": _stack_global,
    b"R": _Machine.reduce,
    b"i": _instance,
    b"o": _object,
    b"\x81": _new,
    b"\x92": _new_with_keywords,
    b"b": _Machine.build,
    b"Q": _Machine.outside,
}
