"""Document: the generated part of docs/detection.md, and the drawing of the trade-off curve beside it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.detection.catalogue import SIZES
from benchmarks.detection.tables import EXPECTED, is_reached, shown

DOCS: Final = Path(__file__).parents[2] / "docs"
_BEGIN: Final = "<!-- figures: written by python -m benchmarks.detection --document -->"
_END: Final = "<!-- end of figures -->"
_COLOURS: Final = {"shipped": "#1f77b4", "fixed limits": "#d9822b"}
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 640, 400, 60, 50


def write_document(
    about: Mapping[str, Any], figures: Mapping[str, Any], curve: Mapping[str, Sequence[Mapping[str, Any]]]
) -> None:
    """Replace the generated part of the document, and the drawing."""
    file = DOCS / "detection.md"
    before, _, rest = file.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    made = "\n".join([_BEGIN, *_markdown(about, figures, curve), _END])
    file.write_text(before + made + after, encoding="utf-8")
    if curve:
        (DOCS / "detection-curve.svg").write_text(drawing(curve), encoding="utf-8")


def _markdown(
    about: Mapping[str, Any], figures: Mapping[str, Any], curve: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Iterator[str]:
    purpose, seeds = next(iter(about["seeds"].items()))
    size = f"{about['patients_a_run']} patients × {about['days']} days in each run"
    yield f"\nFrom the {purpose} seeds {', '.join(map(str, seeds))}: {size}."
    yield f"Scenarios {about['stated']['scenarios.toml']}, rules {about['rules']} (first digits of their hashes).\n"
    cells = list(figures)
    names = [name for name, value in figures[cells[0]]["shipped"].items() if not isinstance(value, Mapping)]
    for rules in figures[cells[0]]:
        yield f"### {rules.capitalize()}\n"
        yield f"| | expected | {' | '.join(cells)} |"
        yield f"|---|---|{'---|' * len(cells)}"
        for name in names:
            goal = EXPECTED.get(name)
            wanted = f"{goal[0].replace('>=', '≥').replace('<=', '≤')} {goal[1]:g}" if goal else ""
            values = []
            for cell in cells:
                value = figures[cell][rules][name]
                reached = is_reached(name, value) if goal else None
                values.append(shown(name, value) + (" **✗**" if reached is False else ""))
            yield f"| {name.replace('_', ' ')} | {wanted} | {' | '.join(values)} |"
        yield ""
    yield from _scenarios(figures, cells)
    if curve:
        yield "### The trade-off\n"
        yield "![Episodes found against false items](detection-curve.svg)\n"
        yield "Sensitivity from the enriched runs, false items and pages from the realistic ones, adherence 85 %.\n"
        yield "| rules | limits × | others seen before the lead | false items per patient-day | false pages per patient-day |"
        yield "|---|---|---|---|---|"
        for rules, points in curve.items():
            for point in points:
                yield (
                    f"| {rules} | {point['factor']:g} | {shown('seen', point['seen'])} | {shown('', point['false_items'])}"
                    f" | {shown('', point['false_pages'])} |"
                )
        yield ""


def _scenarios(figures: Mapping[str, Any], cells: Sequence[str]) -> Iterator[str]:
    for cell in cells:
        if not cell.startswith("enriched"):
            continue
        yield f"### By scenario and effect size: shipped rules, {cell}\n"
        yield "Of all episodes, those that nobody measured included.\n"
        sizes = " | ".join(SIZES)
        yield f"| scenario | lead | episodes | seen in time | {sizes} | measured | fixed limits | median days after onset |"
        yield "|---|---|---|---|---|---|---|---|---|---|"
        peers = figures[cell]["fixed limits"]["scenarios"]
        for name, one in figures[cell]["shipped"]["scenarios"].items():
            lead = (
                "–"
                if one["lead_days"] is None
                else f"{one['lead_days'] * 24:.1f} h"
                if one["lead_days"] < 1
                else f"{one['lead_days']:g} d"
            )
            sizes = " | ".join("–" if one[size].value is None else f"{100 * one[size].value:.0f} %" for size in SIZES)
            after = "–" if one["median_days_after_onset"] is None else f"{one['median_days_after_onset']:.1f}"
            yield (
                f"| {one['title']} | {lead} | {one['seen'].over:.0f} | {shown('seen', one['seen'])} | {sizes}"
                f" | {shown('seen', one['measured'])} | {shown('seen', peers[name]['seen'])} | {after} |"
            )
        yield ""


def drawing(curve: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Return an SVG: false items per patient-day across, episodes found up, a line for each set of rules."""
    most = max(point["false_items"].value for points in curve.values() for point in points)
    across = min(max(0.06, 1.1 * most), 0.5)

    def place(items: float, seen: float) -> tuple[float, float]:
        wide, high = _WIDTH - _LEFT - 20, _HEIGHT - _BOTTOM - 20
        return _LEFT + min(items / across, 1.0) * wide, 20 + (1 - seen) * high

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
    ]
    for step in range(6):
        (x, y), (left, right) = place(across * step / 5, step / 5), (place(0, 0)[0], place(across, 0)[0])
        parts.append(f'<line x1="{left}" x2="{right:.0f}" y1="{y:.0f}" y2="{y:.0f}" stroke="#dddddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.0f}" text-anchor="end" fill="#333333">{20 * step} %</text>')
        parts.append(
            f'<text x="{x:.0f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle" fill="#333333">{across * step / 5:.3f}</text>'
        )
    goal_x, goal_y = place(0.05, 0.9)
    top_left = place(0, 1)
    parts.append(
        f'<rect x="{top_left[0]}" y="{top_left[1]}" width="{goal_x - top_left[0]:.0f}" height="{goal_y - top_left[1]:.0f}"'
        ' fill="#2ca02c" fill-opacity="0.15"/>'
    )
    parts.append(f'<text x="{top_left[0] + 6}" y="{goal_y + 14:.0f}" fill="#2a7a2a">expected: ≥ 90 %, ≤ 0.05</text>')
    for number, (rules, points) in enumerate(curve.items()):
        colour = _COLOURS.get(rules, "#555555")
        spots = [place(point["false_items"].value, point["seen"].value) for point in points]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{joined}"/>')
        for (x, y), point in zip(spots, points, strict=True):
            radius = 5 if point["factor"] == 1 else 3
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}"><title>× {point["factor"]:g}</title></circle>'
            )
        y = _HEIGHT - _BOTTOM - 30 + 16 * number
        parts.append(
            f'<text x="{_WIDTH - 30}" y="{y}" text-anchor="end" fill="{colour}">{rules} (large dot: as they are)</text>'
        )
    middle = f'x="{(_WIDTH + _LEFT) / 2}" y="{_HEIGHT - 10}" text-anchor="middle" fill="#333333"'
    parts.append(f"<text {middle}>false worklist items per patient-day</text>")
    parts.append(f'<text x="{_LEFT}" y="13" fill="#333333">episodes (emergencies apart) seen before their lead</text>')
    return "\n".join([*parts, "</svg>\n"])
