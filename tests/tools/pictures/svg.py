"""The few shapes that the pictures are made of, as SVG that follows a light or a dark page."""

from collections.abc import Sequence
from textwrap import wrap
from typing import Final
from xml.sax.saxutils import escape

# Average width of a character of the text, as a share of its size.
_CHARACTER: Final = 0.54
_STYLE: Final = """
    .page { fill: #f7f8fa; stroke: #d5dae1; }
    .service { fill: #e4eefc; stroke: #4a7fc1; }
    .shared { fill: #e8f4ea; stroke: #4c9a5b; }
    .core { fill: #fbf0dc; stroke: #c28a2b; }
    .plain { fill: #ffffff; stroke: #b9c1cc; }
    .line { stroke: #56606e; stroke-width: 1.4; fill: none; }
    .life { stroke: #b9c1cc; stroke-width: 1.2; stroke-dasharray: 3 4; }
    .tip { fill: #56606e; }
    .name { fill: #1b2430; font-size: 15px; font-weight: 600; }
    .text { fill: #3d4754; font-size: 12px; }
    .over { stroke: #f7f8fa; stroke-width: 5px; stroke-linejoin: round; paint-order: stroke; }
    .note { fill: #6a7483; font-size: 12px; }
    @media (prefers-color-scheme: dark) {
      .page { fill: #161b22; stroke: #30363d; }
      .service { fill: #1c3350; stroke: #5b93d8; }
      .shared { fill: #1b3a24; stroke: #5cb070; }
      .core { fill: #40331a; stroke: #d19f45; }
      .plain { fill: #1d242d; stroke: #3d4754; }
      .line { stroke: #a9b4c2; }
      .life { stroke: #3d4754; }
      .tip { fill: #a9b4c2; }
      .name { fill: #eef2f7; }
      .text { fill: #cdd6e1; }
      .over { stroke: #161b22; }
      .note { fill: #97a3b2; }
    }"""
_FONT: Final = "font-family=\"system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', Arial, sans-serif\""
_TIP: Final = (
    '<marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8"'
    ' orient="auto-start-reverse"><path class="tip" d="M0 1 L10 5 L0 9 z"/></marker>'
)


def picture(title: str, summary: str, width: int, height: int, parts: Sequence[str]) -> str:
    """Return a whole picture; `summary` is what a screen reader says of it. Lengths are in pixels."""
    body = "\n  ".join(parts)
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return f"""<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title summary" {_FONT}>
  <title id="title">{escape(title)}</title>
  <desc id="summary">{escape(summary)}</desc>
  <style>{_STYLE}
  </style>
  <defs>{_TIP}</defs>
  <rect class="page" x="1" y="1" width="{width - 2}" height="{height - 2}" rx="12"/>
  {body}
</svg>
"""


def box(kind: str, left: float, top: float, width: float, height: float) -> str:
    """Return a box of a kind: service, shared, core or plain."""
    return f'<rect class="{kind}" x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" rx="8"/>'


def words(kind: str, x: float, y: float, text: str, anchor: str = "middle") -> str:
    """Return a line of text of a kind: name, text or note; `text over` keeps lines behind it from crossing it."""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'


def folded(text: str, width: float, size: int = 12) -> list[str]:
    """Return a text as the lines that fit into a width."""
    return wrap(text, max(8, int(width / (size * _CHARACTER))))


def arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    """Return an arrow."""
    return f'<path class="line" d="M{x1:g} {y1:g} L{x2:g} {y2:g}" marker-end="url(#tip)"/>'


def line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    """Return a line of a kind: line or life."""
    return f'<path class="{kind}" d="M{x1:g} {y1:g} L{x2:g} {y2:g}"/>'
