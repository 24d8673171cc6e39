"""Charts: lines with their intervals as PNG, drawn with nothing but an imaging library."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

WIDTH, HEIGHT = 960, 540
LEFT, RIGHT, TOP, BOTTOM = 90, 250, 80, 70
# Okabe and Ito's colours, told apart by everyone.
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
INK, GRID = "#333333", "#DDDDDD"


@dataclass(frozen=True)
class Dot:
    """A value at `x` with its interval."""

    x: float
    mean: float
    low: float
    high: float


def chart(title: str, x_name: str, y_name: str, lines: Mapping[str, Sequence[Dot]]) -> bytes:
    """Return a PNG of lines by name, each dot with its interval as a bar, and zero drawn where it lies within.

    Raises ValueError where there is nothing to draw.
    """
    from PIL import Image, ImageDraw, ImageFont

    dots = [dot for line in lines.values() for dot in line]
    if not dots:
        raise ValueError("chart: no dots: give one line with one dot at least")
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    draw.font = ImageFont.load_default(15)
    across = _Scale([dot.x for dot in dots], LEFT, WIDTH - RIGHT)
    up = _Scale([v for dot in dots for v in (dot.low, dot.high)], HEIGHT - BOTTOM, TOP)
    _frame(draw, across, up, sorted({dot.x for dot in dots}))
    draw.text((LEFT, 16), title, fill=INK, font=ImageFont.load_default(20))
    draw.text(((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 28), x_name, fill=INK, anchor="mm")
    draw.text((LEFT, TOP - 14), y_name, fill=INK, anchor="ls")
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        _line(draw, across, up, sorted(line, key=lambda dot: dot.x), colour)
        y = TOP + 22 * number
        draw.line([(WIDTH - RIGHT + 16, y), (WIDTH - RIGHT + 40, y)], fill=colour, width=3)
        draw.text((WIDTH - RIGHT + 48, y), name, fill=INK, anchor="lm")
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


class _Scale:
    """Values to pixels, with a margin of a twentieth."""

    def __init__(self, values: Sequence[float], first: float, last: float) -> None:
        low, high = min(values), max(values)
        margin = (high - low) / 20 or max(abs(high), 1.0) / 20
        self.low, self.high, self._first, self._last = low - margin, high + margin, first, last

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self._first + share * (self._last - self._first)

    def ticks(self) -> list[float]:
        """Return round values within: multiples of 1, 2 or 5 times a power of ten."""
        rough = (self.high - self.low) / 6
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(step * power for step in (1, 2, 5, 10) if step * power >= rough)
        first = math.ceil(self.low / step)
        return [i * step for i in range(first, math.floor(self.high / step) + 1)]


def _frame(draw: ImageDraw, across: _Scale, up: _Scale, marks: Sequence[float]) -> None:
    for value in up.ticks():
        y = up(value)
        is_zero = abs(value) < 1e-12
        draw.line([(LEFT, y), (WIDTH - RIGHT, y)], fill=INK if is_zero else GRID, width=2 if is_zero else 1)
        draw.text((LEFT - 8, y), f"{value:g}", fill=INK, anchor="rm")
    for value in marks if len(marks) <= 12 else across.ticks():
        x = across(value)
        draw.line([(x, HEIGHT - BOTTOM), (x, HEIGHT - BOTTOM + 6)], fill=INK)
        draw.text((x, HEIGHT - BOTTOM + 18), f"{value:g}", fill=INK, anchor="mm")
    draw.line([(LEFT, TOP), (LEFT, HEIGHT - BOTTOM), (WIDTH - RIGHT, HEIGHT - BOTTOM)], fill=INK)


def _line(draw: ImageDraw, across: _Scale, up: _Scale, line: Sequence[Dot], colour: str) -> None:
    places = [(across(dot.x), up(dot.mean)) for dot in line]
    if len(places) > 1:
        draw.line(places, fill=colour, width=3)
    for dot, (x, y) in zip(line, places, strict=True):
        draw.line([(x, up(dot.low)), (x, up(dot.high))], fill=colour, width=2)
        for end in (up(dot.low), up(dot.high)):
            draw.line([(x - 5, end), (x + 5, end)], fill=colour, width=2)
        draw.ellipse([(x - 4, y - 4), (x + 4, y + 4)], fill=colour)
