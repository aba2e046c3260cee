"""The curves of a training run as one SVG, with no plotting library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

__all__ = ["draw_curves"]

_PANELS = {  # title -> entries of a record, each a line
    "loss": ("loss",),
    "terms a vector": ("query_nnz", "document_nnz"),
    "terms shared by a query and a document": ("flops",),
    "validation nDCG@10": ("validation",),
}
_COLOURS = ("#2563eb", "#b45309")
_WIDTH, _HEIGHT = 320, 150  # of a panel, in pixels
_LEFT, _TOP, _BOTTOM = 52, 24, 22  # of its margins


def draw_curves(records: Sequence[Mapping[str, float]]) -> str:
    """Draw loss, terms a vector, FLOPs and validation over the steps, a panel each.

    Parameters
    ----------
    records
        As :class:`History` has them; an entry that a record lacks is no point of its line.

    Returns
    -------
    str
        An ``<svg>`` document. A line of one point is a dot, a panel without points is empty.
    """
    panels = [
        _panel(title, names, records, _WIDTH * (place % 2), _HEIGHT * (place // 2))
        for place, (title, names) in enumerate(_PANELS.items())
    ]
    size = f'viewBox="0 0 {2 * _WIDTH} {2 * _HEIGHT}" width="{2 * _WIDTH}" height="{2 * _HEIGHT}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="10">'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(panels)}</svg>\n'
    )


def _panel(
    title: str, names: Sequence[str], records: Sequence[Mapping[str, float]], left: int, top: int
) -> str:
    lines = {
        name: [(record["step"], record[name]) for record in records if name in record]
        for name in names
    }
    parts = [f'<text x="{_LEFT}" y="14" font-weight="bold">{escape(title)}</text>']
    points = [point for line in lines.values() for point in line]
    if points:
        low, high = min(y for _, y in points), max(y for _, y in points)
        last = max(1, max(x for x, _ in points))
        right, bottom = _WIDTH - 12, _HEIGHT - _BOTTOM

        def place(x: float, y: float) -> str:
            across = _LEFT + (right - _LEFT) * x / last
            return f"{across:.1f},{bottom - (bottom - _TOP) * (y - low) / ((high - low) or 1):.1f}"

        for y in sorted({low, high}):
            height = float(place(0, y).partition(",")[2])
            parts.append(
                f'<line x1="{_LEFT}" x2="{right}" y1="{height}" y2="{height}" stroke="#ddd"/>'
                f'<text x="{_LEFT - 4}" y="{height + 3}" text-anchor="end">{y:.4g}</text>'
            )
        parts.append(f'<text x="{right}" y="{bottom + 14}" text-anchor="end">step {last:g}</text>')
        for number, (name, line) in enumerate(lines.items()):
            path = " ".join(place(*point) for point in (*line, *line[-1:]))  # one point is a dot
            colour = _COLOURS[number]
            cap = 'stroke-linecap="round" stroke-linejoin="round"'
            parts.append(
                f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" {cap}/>'
            )
            if len(names) > 1:
                label = escape(name.removesuffix("_nnz"))
                parts.append(
                    f'<text x="{right - 70 * number}" y="14" text-anchor="end" fill="{colour}">'
                    f"{label}</text>"
                )
    return f'<g transform="translate({left},{top})">{"".join(parts)}</g>'
