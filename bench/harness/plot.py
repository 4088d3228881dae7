"""The ratios as horizontal bars, in SVG that reads on light and on dark pages."""

import math
from html import escape

from .report import share

LABELS = 190
BARS = 330
ROW = 30
TOP = 64
MARGIN = 24
ENOUGH_ROOM = 230
"""Beside the longest bar, for its number and the variant."""

STYLE = """
    text { font: 13px system-ui, sans-serif; fill: #1f2328; }
    .page { fill: #ffffff; } .title { font-size: 15px; font-weight: 600; } .note { fill: #59636e; font-size: 12px; }
    .faster { fill: #1a7f6e; } .slower { fill: #c4501b; } .mark { stroke: #1f2328; stroke-width: 2; }
    .one { stroke: #1f2328; stroke-dasharray: 4 3; } .grid { stroke: #d1d9e0; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; } .page { fill: #0d1117; } .note { fill: #9198a1; }
      .faster { fill: #2fb39c; } .slower { fill: #f0824f; }
      .mark, .one { stroke: #f0f6fc; } .grid { stroke: #3d444d; }
    }
"""


def svg(verdicts):
    """A bar per case for its time against the fastest variant, a mark for that against the reference, and a line at 1
    where both take the same."""
    shown = [verdict for verdict in verdicts if verdict.time_ratio(verdict.best) is not None]
    end = math.ceil(max([1.0, *(verdict.time_ratio(verdict.best) for verdict in shown)]) * 4) / 4
    scale = BARS / end
    width, height = LABELS + BARS + ENOUGH_ROOM + MARGIN, TOP + ROW * len(shown) + 2 * MARGIN
    bottom = TOP + ROW * len(shown)
    rows = "".join(row(verdict, TOP + ROW * index, scale) for index, verdict in enumerate(shown))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" \
role="img" aria-label="Time of Logit over time of the fastest peer, a bar per case">
  <style>{STYLE}  </style>
  <rect class="page" width="{width}" height="{height}" rx="6"/>
  <text class="title" x="{MARGIN}" y="28">Time of Logit / time of the fastest of the peers</text>
  <text class="note" x="{MARGIN}" y="47">Shorter is faster. Dashed: the same time. Short upright mark: against eager \
PyTorch, or zennit.</text>
{grid(end, scale, bottom)}{rows}</svg>
"""


def grid(end, scale, bottom):
    step = 0.25 if end <= 2 else 0.5 if end <= 4 else math.ceil(end / 8)
    lines = ""
    for value in sorted({1.0} | {index * step for index in range(math.floor(end / step) + 1)}):
        x, kind = LABELS + value * scale, "one" if value == 1 else "grid"
        lines += f'  <line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{bottom}"/>\n'
        lines += f'  <text class="note" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{value:g}</text>\n'
    return lines


def row(verdict, top, scale):
    ratio, reference = verdict.time_ratio(verdict.best), verdict.time_ratio(verdict.case.reference)
    kind = "slower" if ratio > 1 else "faster"
    length = max(ratio * scale, 1.0)
    # Never right of the bar's end: the reference is no faster than the fastest.
    mark = LABELS + reference * scale
    return f"""  <text x="{LABELS - 10}" y="{top + 19}" text-anchor="end">{escape(verdict.case.name)}</text>
  <rect class="{kind}" x="{LABELS}" y="{top + 6}" width="{length:.1f}" height="{ROW - 12}" rx="2"/>
  <line class="mark" x1="{mark:.1f}" x2="{mark:.1f}" y1="{top + 3}" y2="{top + ROW - 3}"/>
  <text x="{LABELS + length + 8:.1f}" y="{top + 19}">{share(ratio)} {escape(verdict.best)}</text>
"""
