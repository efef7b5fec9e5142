"""Draws the icons beside it: a tick over the line one signs on.

Needs nothing but Python. Run it after changing it, and commit what it draws.
"""

import pathlib
import struct
import zlib

INK, PAPER = (0x1F, 0x29, 0x37), (0xFF, 0xFF, 0xFF)
HERE = pathlib.Path(__file__).parent

# In a square from 0 to 1: the strokes, and how thick they are.
STROKES = [((0.27, 0.47), (0.43, 0.63)), ((0.43, 0.63), (0.74, 0.27)), ((0.27, 0.79), (0.73, 0.79))]
THICK = 0.092


def stroke_distance(x, y):
    """How far a point is outside the strokes."""
    least = 9.0
    for (ax, ay), (bx, by) in STROKES:
        dx, dy = bx - ax, by - ay
        t = max(0.0, min(1.0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)))
        least = min(least, ((x - ax - t * dx) ** 2 + (y - ay - t * dy) ** 2) ** 0.5)
    return least - THICK / 2


def square_distance(x, y, corner):
    """How far a point is outside a square with round corners that fills the picture."""
    dx, dy = abs(x - 0.5) - 0.5 + corner, abs(y - 0.5) - 0.5 + corner
    outside = (max(dx, 0.0) ** 2 + max(dy, 0.0) ** 2) ** 0.5
    return outside + min(max(dx, dy), 0.0) - corner


def draw(name, size, corner, scale, badge=False):
    rows = []
    for row in range(size):
        line = bytearray([0])
        for column in range(size):
            x, y = (column + 0.5) / size, (row + 0.5) / size
            mark = stroke_distance((x - 0.5) / scale + 0.5, (y - 0.5) / scale + 0.5) * scale
            cover = max(0.0, min(1.0, 0.5 - mark * size))
            if badge:
                line += bytes((255, 255, 255, round(255 * cover)))
                continue
            alpha = 1.0
            if corner is not None:
                alpha = max(0.0, min(1.0, 0.5 - square_distance(x, y, corner) * size))
            line += bytes(round(i + (p - i) * cover) for i, p in zip(INK, PAPER))
            line.append(round(255 * alpha))
        rows.append(bytes(line))

    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    picture = zlib.compress(b"".join(rows), 9)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", picture) + chunk(b"IEND", b"")
    (HERE / name).write_bytes(png)


draw("icon-192.png", 192, 0.22, 1.0)
draw("icon-512.png", 512, 0.22, 1.0)
draw("maskable-512.png", 512, None, 0.78)
draw("apple-180.png", 180, None, 0.92)
draw("badge-96.png", 96, None, 1.3, badge=True)
