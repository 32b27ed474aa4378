"""HTML of a notebook's cell: small tables and curves, every text escaped."""

from collections.abc import Iterable, Sequence
from html import escape


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]], note: str = "") -> str:
    """Return a table with a title and a note below it.

    >>> table("Limits", ("figure",), [["<b>"]])
    '<div><b>Limits</b><table><thead><tr><th>figure</th></tr></thead><tbody>\
<tr><td>&lt;b&gt;</td></tr></tbody></table></div>'
    """
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows
    )
    below = f"<small>{escape(note)}</small>" if note else ""
    return (
        f"<div><b>{escape(title)}</b><table><thead><tr>{cells}</tr></thead>"
        f"<tbody>{body}</tbody></table>{below}</div>"
    )


def sparkline(values: Sequence[float], *, width: int = 120, height: int = 24) -> str:
    """Return a curve of values in [0, 1] as SVG; the text beside it says what it shows.

    >>> sparkline([0.0, 1.0])
    '<svg width="120" height="24" role="img"><polyline fill="none" stroke="currentColor" \
points="0.0,23.0 120.0,1.0"/></svg>'
    """
    last = max(1, len(values) - 1)
    points = " ".join(
        f"{width * place / last:.1f},{height - 1 - (height - 2) * value:.1f}"
        for place, value in enumerate(values)
    )
    return (
        f'<svg width="{width}" height="{height}" role="img"><polyline fill="none" '
        f'stroke="currentColor" points="{points}"/></svg>'
    )
