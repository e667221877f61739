"""Packs the corpus and prints what it took; fails where a file does not come back as it was."""

import sys
from pathlib import Path

from decoder import decode
from encoder import Encoder

CORPUS = Path(__file__).with_name("corpus")


def main():
    """Prints both numbers."""
    size = steps = 0
    for path in sorted(CORPUS.iterdir()):
        data = path.read_bytes()
        encoder = Encoder()
        packed = encoder.encode(data)
        if decode(packed) != data:
            sys.exit(f"{path.name} does not come back as it was")
        size += len(packed)
        steps += encoder.steps
    print(f"METRIC bytes={size}")
    print(f"METRIC steps={steps}")


if __name__ == "__main__":
    main()
