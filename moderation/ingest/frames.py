"""Whether Zstandard frames are whole: the library gives what a cut-off file holds and says nothing."""

import struct

MAGIC = 0xFD2FB528
SKIPPABLE = 0x184D2A50  # and the fifteen after it


class Frames:
    """Follows the frames of a stream (RFC 8878, section 3.1) by their headers, however the bytes are cut up."""

    def __init__(self) -> None:
        self.head = b""
        self.skip = 0
        self.checksum = 0
        self.inside = self.seen = False

    def feed(self, data: bytes) -> None:
        """Takes note of the next bytes of the stream."""
        position = 0
        while position < len(data):
            if self.skip:
                step = min(self.skip, len(data) - position)
                self.skip -= step
            else:
                step = max(1, self.wanted() - len(self.head))
                self.head += data[position : position + step]
                if len(self.head) >= self.wanted():
                    self.take()
            position += step

    def wanted(self) -> int:
        """Bytes of the header at hand."""
        if self.inside:
            return 3
        return 8 if len(self.head) >= 4 and self.magic() & ~15 == SKIPPABLE else 5

    def magic(self) -> int:
        """The number that a frame begins with."""
        return int.from_bytes(self.head[:4], "little")

    def take(self) -> None:
        """Reads a whole header: of a block, of a frame, or of one to skip."""
        head, self.head = self.head, b""
        if self.inside:
            block = int.from_bytes(head, "little")
            last, kind, size = block & 1, block >> 1 & 3, block >> 3
            self.skip = (1 if kind == 1 else size) + (self.checksum if last else 0)
            self.inside = not last
        elif len(head) == 8:
            self.skip = struct.unpack("<I", head[4:])[0]
            self.seen = True
        else:
            flags = head[4]
            single = flags >> 5 & 1
            self.skip = (1 - single) + (0, 1, 2, 4)[flags & 3] + (single, 2, 4, 8)[flags >> 6]
            self.checksum = 4 * (flags >> 2 & 1)
            self.inside = self.seen = True

    def whole(self) -> bool:
        """Whether the stream may end here."""
        return self.seen and not (self.inside or self.skip or self.head)
