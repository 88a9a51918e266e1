"""A plot of grouped bars as SVG, drawn by hand so that the pages of the docs need no library."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Final
from xml.sax.saxutils import escape

_WIDTH: Final = 720
_HEIGHT: Final = 340
_LEFT: Final = 70
_TOP: Final = 56
_BOTTOM: Final = 40
_MOST_LINES: Final = 10
_COLOURS: Final = ("#2f6f9f", "#c77f2e", "#5a8f5a", "#8b5a8f", "#8a8a8a")


def bars(title: str, groups: Sequence[str], series: Mapping[str, Sequence[float | None]]) -> str:
    """One group of bars for each of ``groups``, one bar in it for each of ``series``; None leaves its place empty.

    The axis begins at zero and is linear. Both light and dark pages can hold it: the ground is its own.
    """
    most = max((value for values in series.values() for value in values if value is not None), default=1.0)
    step = _step(most)
    top = step * -(-most // step)
    room, wide = _HEIGHT - _TOP - _BOTTOM, (_WIDTH - _LEFT - 20) / len(groups)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
            f'font-size="12" role="img"><title>{escape(title)}</title><rect width="100%" height="100%" fill="#ffffff"/>'
        ),
        f'<text x="{_LEFT}" y="20" font-size="14" fill="#222222">{escape(title)}</text>',
    ]
    for line in range(int(top // step) + 1):
        y = _HEIGHT - _BOTTOM - room * line * step / top
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#444444">{line * step:,.0f}</text>'
        )
    bar = wide * 0.8 / len(series)
    for index, (name, values) in enumerate(series.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        x = _LEFT + index * (_WIDTH - _LEFT - 20) / len(series)
        parts.append(f'<rect x="{x}" y="32" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 15}" y="41" fill="#222222">{escape(name)}</text>')
        for place, value in enumerate(values):
            if value is not None:
                height = room * value / top
                left = _LEFT + wide * (place + 0.1) + bar * index
                parts.append(
                    f'<rect x="{left:.1f}" y="{_HEIGHT - _BOTTOM - height:.1f}" width="{bar - 2:.1f}" '
                    f'height="{height:.1f}" fill="{colour}"><title>{escape(name)}: {value:,.0f}</title></rect>'
                )
    for place, group in enumerate(groups):
        x = _LEFT + wide * (place + 0.5)
        parts.append(
            f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle" fill="#222222">{escape(group)}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _step(most: float) -> float:
    """A round distance between lines, so that there are four to ten."""
    step = 1.0
    for factor in cycle((2, 2.5, 2)):  # 1, 2, 5, 10, 20
        if most / step <= _MOST_LINES:
            break
        step *= factor
    return step
