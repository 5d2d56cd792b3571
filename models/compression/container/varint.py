"""Bytes out and bytes in: unsigned integers of any size, strings and floats, for the head of a file."""

from __future__ import annotations

import struct

from models.compression.errors import CompressionError

LARGEST_INTEGER_BYTES = 10  #: of a variable-length integer: 70 bits


class ByteWriter:
    """Appends values to ``data``.

    >>> writer = ByteWriter()
    >>> writer.integer(300)
    >>> writer.text("ab")
    >>> bytes(writer.data).hex()
    'ac02026162'
    """

    def __init__(self) -> None:
        self.data = bytearray()

    def integer(self, value: int) -> None:
        """Append seven bits a byte, lowest first; the top bit says that more follow (LEB128)."""
        while value > 127:
            self.data.append(value & 127 | 128)
            value >>= 7
        self.data.append(value)

    def text(self, value: str) -> None:
        """Append the length in bytes and UTF-8."""
        encoded = value.encode("utf-8")
        self.integer(len(encoded))
        self.data += encoded

    def float64(self, value: float) -> None:
        """Append eight bytes, little-endian."""
        self.data += struct.pack("<d", value)


class ByteReader:
    """Reads what ``ByteWriter`` wrote, trusting nothing.

    >>> reader = ByteReader(bytes.fromhex("ac02026162"), "graph")
    >>> reader.integer(), reader.text()
    (300, 'ab')
    """

    def __init__(self, data: bytes, what: str) -> None:
        self.data, self.what, self.at = data, what, 0

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes. Raises CompressionError when there are fewer."""
        left = len(self.data) - self.at
        if count > left:
            raise CompressionError(f"the {self.what} ends at byte {len(self.data)}: {count} bytes wanted, {left} left")
        self.at += count
        return self.data[self.at - count : self.at]

    def integer(self) -> int:
        """Return the next integer. Raises CompressionError when it does not end."""
        value = 0
        for place in range(LARGEST_INTEGER_BYTES):
            byte = self.take(1)[0]
            value |= (byte & 127) << 7 * place
            if byte < 128:
                return value
        raise CompressionError(
            f"the {self.what} has an integer of more than {LARGEST_INTEGER_BYTES} bytes at byte {self.at}"
        )

    def text(self) -> str:
        """Return the next string. Raises CompressionError when it is no UTF-8."""
        encoded = self.take(self.integer())
        try:
            return encoded.decode("utf-8")
        except UnicodeDecodeError as error:
            raise CompressionError(f"the {self.what} has a string that is no UTF-8 before byte {self.at}") from error

    def float64(self) -> float:
        """Return the next float."""
        return float(struct.unpack("<d", self.take(8))[0])
