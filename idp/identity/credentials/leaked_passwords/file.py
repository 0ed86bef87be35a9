"""The offline list of leaked passwords: one file, built once, mapped into memory and shared by all processes.

Layout (little endian): a header (``MAGIC``, index bits, entries), the tails, the index. The first ``bits`` bits of a SHA-1
choose a slot of the index, which holds the number of the slot's first entry; an entry is what follows, up to the 56th bit:
32 bits beside an index of 2^24 slots for the full list (about 34 bits an entry in all), 40 bits beside 2^16 for small ones.
56 bits make a false hit among a billion entries a matter of one in seventy million.
"""

import mmap
import os
import re
import struct
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from idp.errors import Invalid, Message, say

MAGIC = b"SLEUTEL-LEAKED-1"
HEADER = struct.Struct("<16sQQ")
PREFIX_BITS = 56
SMALL, LARGE = 16, 24
LARGE_FROM = 1 << 24
REPORT_EVERY = 1_000_000

_RANGE = re.compile(r"[0-9A-F]{5}", re.IGNORECASE)
_LINE = re.compile(r"([0-9A-F]{40}):([0-9]{1,12})", re.IGNORECASE)


class Unusable(Exception):
    """The file is none of ours, or was cut short."""


def build_file(
    lines: Iterable[str], target: Path, progress: Callable[[int], None] = lambda _: None, *, expected: int = 0
) -> int:
    """Write ``target`` from ``SHA1:COUNT`` lines ordered by hash. Returns the number of entries.

    ``expected``: about how many lines there will be, to choose the larger index. ``progress`` is told the number done, every
    million lines. The file appears complete or not at all. Raises ``Invalid`` naming the line that cannot be read.
    """
    bits = LARGE if expected >= LARGE_FROM else SMALL
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as stream:
            count = _write(stream, bits, _prefixes(lines), progress)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def lines_of(folder: Path) -> Iterator[str]:
    """Yield the ``SHA1:COUNT`` lines of a folder of range files, in order.
    Each file is named by five digits and holds the other 35.

    Rows with count 0 are padding, as the range service sends them. Raises ``Invalid`` naming the file.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file())
    for file in files:
        if not _RANGE.fullmatch(file.stem):
            raise Invalid(file.name, say("A range file is named by the first five digits of its hashes."), detail=file.name)
        rows = sorted(file.read_text("ascii", "replace").upper().split())
        for row in rows:
            if not row.endswith(":0"):
                yield f"{file.stem.upper()}{row}"


def _prefixes(lines: Iterable[str]) -> Iterator[int]:
    """Yield the first 56 bits of each line's hash. Lines that differ only after these bits come once."""
    before, last = "", -1
    for number, line in enumerate(lines, 1):
        found = _LINE.fullmatch(line.strip("\r\n"))
        if found is None:
            raise _fault(number, say("Each line must be a SHA-1 in 40 hexadecimal digits, a colon and a count."))
        hash_ = found[1].upper()
        if hash_ <= before:
            raise _fault(number, say("The lines must be ordered by hash, each hash once."))
        before, prefix = hash_, int(hash_[: PREFIX_BITS // 4], 16)
        if prefix != last:
            yield prefix
        last = prefix
    if last < 0:
        raise _fault(1, say("The list is empty."))


def _fault(number: int, why: Message) -> Invalid:
    return Invalid(f"line {number}", why, detail=f"line {number}: {why.key}")


def _write(stream: BinaryIO, bits: int, prefixes: Iterable[int], progress: Callable[[int], None]) -> int:
    tail_bits = PREFIX_BITS - bits
    width, mask = tail_bits // 8, (1 << tail_bits) - 1
    index, count = array("Q"), 0
    stream.write(HEADER.pack(MAGIC, bits, 0))
    for prefix in prefixes:
        slot = prefix >> tail_bits
        if len(index) <= slot:
            index.extend([count] * (slot + 1 - len(index)))
        stream.write((prefix & mask).to_bytes(width, "big"))
        count += 1
        if count % REPORT_EVERY == 0:
            progress(count)
    index.extend([count] * ((1 << bits) + 1 - len(index)))
    for number in index:
        stream.write(number.to_bytes(8, "little"))
    stream.seek(0)
    stream.write(HEADER.pack(MAGIC, bits, count))
    return count


class File:
    """A built file, open for looking up: microseconds, and no memory but the pages touched."""

    def __init__(self, path: Path) -> None:
        """Open ``path``; raises ``Unusable`` or ``OSError``."""
        with path.open("rb") as stream:
            if os.fstat(stream.fileno()).st_size < HEADER.size:
                raise Unusable(f"{path}: too short")
            self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        magic, self._bits, self.count = HEADER.unpack_from(self._map)
        if magic != MAGIC or self._bits not in (SMALL, LARGE):
            raise Unusable(f"{path}: not a list made by `idp leaked import`")
        self._width = (PREFIX_BITS - self._bits) // 8
        self._index_at = HEADER.size + self.count * self._width
        if len(self._map) != self._index_at + 8 * ((1 << self._bits) + 1):
            raise Unusable(f"{path}: cut short; import it again")

    def __contains__(self, sha1: object) -> bool:
        """Check if a SHA-1 (40 hexadecimal digits) is in the list."""
        prefix = int(str(sha1)[: PREFIX_BITS // 4], 16)
        tail_bits = PREFIX_BITS - self._bits
        slot, tail = prefix >> tail_bits, prefix & ((1 << tail_bits) - 1)
        low, high = self._start(slot), self._start(slot + 1)
        at = bisect_left(range(high), tail, low, high, key=self._tail)
        return at < high and self._tail(at) == tail

    def _start(self, slot: int) -> int:
        return int(struct.unpack_from("<Q", self._map, self._index_at + 8 * slot)[0])

    def _tail(self, entry: int) -> int:
        at = HEADER.size + entry * self._width
        return int.from_bytes(self._map[at : at + self._width], "big")
