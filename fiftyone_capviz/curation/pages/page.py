"""The report's page: style and building blocks; every text that comes in is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fiftyone_capviz.curation.pages.text_files import xml_text

STYLE = """
:root { color-scheme: light dark; --ink: #1f2430; --faint: #6b7280; --page: #f6f7f9;
  --card: #ffffff; --line: #e3e6eb; --mark: #2a6fbb; --accent: #e0600f; --cell: #f0f2f5; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ec; --faint: #9aa2ae; --page: #15181d;
  --card: #1d2127; --line: #2f353d; --mark: #5b9ce0; --accent: #ff8a3c; --cell: #262b32; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 36px 24px 64px; }
h1 { font-size: 28px; margin: 0 0 2px; letter-spacing: -0.01em; }
h2 { font-size: 18px; margin: 0 0 4px; }
p.note { color: var(--faint); margin: 0 0 14px; max-width: 75ch; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
  margin: 22px 0; }
.tile, section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tile { padding: 12px 16px; }
.tile b { display: block; font-size: 24px; font-weight: 650; }
.tile span { color: var(--faint); font-size: 13px; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr));
  gap: 16px; }
.columns.three { grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); }
section { padding: 18px 20px; margin: 0 0 16px; min-width: 0; overflow-x: auto; }
svg { max-width: 100%; height: auto; display: block; }
svg text { fill: var(--ink); font-size: 12px; }
svg .faint { fill: var(--faint); } svg .end { text-anchor: end; } svg .mid { text-anchor: middle; }
svg .inverse { fill: #ffffff; } svg .axis { stroke: var(--line); } svg .mark { fill: var(--mark); }
svg .mean { stroke: var(--accent); stroke-width: 1.5; stroke-dasharray: 4 3; }
svg .cell { fill: var(--cell); } svg .same { fill: none; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th { text-align: left; color: var(--faint); font-weight: 500; }
th, td { padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); gap: 14px; }
figure { margin: 0; } figure img, figure .missing { width: 100%; aspect-ratio: 1;
  object-fit: contain; background: var(--cell); border-radius: 8px; display: block; }
figcaption { font-size: 13px; margin-top: 6px; overflow-wrap: anywhere; }
figcaption b { color: var(--accent); } figcaption span { color: var(--faint); display: block; }
.legend { display: flex; gap: 16px; color: var(--faint); font-size: 13px; margin: 0 0 8px; }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 2px;
  margin-right: 5px; }
footer { color: var(--faint); font-size: 13px; margin-top: 24px; }
@media print { body { background: #fff; } section, .tile { break-inside: avoid; } }
"""


def page(title: str, body: Iterable[str]) -> str:
    """A whole page that loads nothing: no script, no font, no picture from elsewhere."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "img-src data:; style-src 'unsafe-inline'\">\n"
        f"<title>{xml_text(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def section(heading: str, note: str, *parts: str) -> str:
    """A card with a heading and one sentence that says how to read it."""
    return (
        f'<section><h2>{xml_text(heading)}</h2><p class="note">{xml_text(note)}</p>'
        + "".join(parts)
        + "</section>"
    )


def tiles(items: Sequence[tuple[str, str]]) -> str:
    """Figures at a glance: (value, what it is)."""
    cells = (
        f'<div class="tile"><b>{xml_text(value)}</b><span>{xml_text(name)}</span></div>'
        for value, name in items
    )
    return f'<div class="tiles">{"".join(cells)}</div>'


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int = 0) -> str:
    """A table; the last ``numbers`` columns are aligned as numbers."""
    first = len(header) - numbers

    def line(cells: Sequence[str], tag: str) -> str:
        marked = (' class="number"' if i >= first else "" for i in range(len(cells)))
        found = (
            f"<{tag}{mark}>{xml_text(cell)}</{tag}>"
            for mark, cell in zip(marked, cells, strict=True)
        )
        return f"<tr>{''.join(found)}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f"<table><thead>{line(header, 'th')}</thead><tbody>{body}</tbody></table>"


def picture(source: str, *, strong: str, text: str, faint: str) -> str:
    """A figure of the gallery; without a source an empty frame."""
    image = '<div class="missing"></div>'
    if source:
        image = f'<img src="{source}" alt="{_attribute(text)}">'
    return (
        f"<figure>{image}<figcaption><b>{xml_text(strong)}</b> {xml_text(text)}"
        f"<span>{xml_text(faint)}</span></figcaption></figure>"
    )


def legend(items: Sequence[tuple[str, str]]) -> str:
    """Colors and their names."""
    return (
        '<div class="legend">'
        + "".join(
            f'<span><i style="background:{color}"></i>{xml_text(name)}</span>'
            for name, color in items
        )
        + "</div>"
    )


def _attribute(text: str) -> str:
    return xml_text(text).replace('"', "&quot;")
