"""Packs bytes: runs of literals, and references to what was there before.

The format is the decoder's (`decoder.py`): the encoder may choose any tokens that it reads back.
"""

import tomllib
from pathlib import Path

SETTINGS = tomllib.loads(Path(__file__).with_name("settings.toml").read_text())["encoder"]


class Encoder:
    """Finds matches through chains of earlier positions with the same few bytes."""

    def __init__(self):
        self.steps = 0
        self.key_length = SETTINGS["key_length"]
        self.min_match = max(SETTINGS["min_match"], self.key_length)
        self.window = SETTINGS["window"]
        self.chain = SETTINGS["chain"]
        self.lazy = SETTINGS["lazy"]

    def encode(self, data):
        """Returns the packed form of `data`."""
        out = bytearray()
        chains = {}
        at = start = 0
        while at < len(data):
            length, distance = self.longest(data, at, chains)
            self.remember(data, at, chains)
            if length and self.lazy and at + 1 < len(data):
                later, _ = self.longest(data, at + 1, chains)
                if later > length + 1:
                    length = 0
            if not length:
                at += 1
                continue
            literals(out, data[start:at])
            reference(out, length, distance)
            for inside in range(at + 1, at + length):
                self.remember(data, inside, chains)
            at += length
            start = at
        literals(out, data[start:])
        return bytes(out)

    def longest(self, data, at, chains):
        """Returns the longest earlier match as (length, distance), or (0, 0)."""
        best, distance = 0, 0
        earlier = chains.get(data[at : at + self.key_length], ())
        for place in reversed(earlier[-self.chain :]):
            if at - place > self.window:
                break
            length = 0
            while at + length < len(data) and data[place + length] == data[at + length]:
                length += 1
                self.steps += 1
            self.steps += 1
            if length > best:
                best, distance = length, at - place
        if best < self.min_match:
            return 0, 0
        return best, distance

    def remember(self, data, at, chains):
        """Notes where the bytes at a position were seen."""
        key = data[at : at + self.key_length]
        if len(key) == self.key_length:
            chains.setdefault(key, []).append(at)


def literals(out, run):
    """Appends a run of literal bytes, if there is one."""
    if run:
        number(out, len(run) << 1)
        out += run


def reference(out, length, distance):
    """Appends a reference to earlier bytes."""
    number(out, (length << 1) | 1)
    number(out, distance)


def number(out, value):
    """Appends a number, seven bits to a byte."""
    while value >= 0x80:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
