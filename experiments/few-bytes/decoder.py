"""Unpacks what the encoder packed. It is the format, and stays as it is."""


def decode(packed):
    """Returns the bytes that were packed."""
    out = bytearray()
    at = 0
    while at < len(packed):
        head, at = number(packed, at)
        length = head >> 1
        if head & 1:
            distance, at = number(packed, at)
            if not 0 < distance <= len(out):
                raise ValueError("a reference to before the beginning")
            for _ in range(length):
                out.append(out[-distance])
        else:
            out += packed[at : at + length]
            at += length
    return bytes(out)


def number(packed, at):
    """Reads a number; returns it and where the next thing begins."""
    value = shift = 0
    while True:
        byte = packed[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
