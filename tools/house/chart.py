"""Curves and tables for a terminal."""


Points = list[tuple[float, float]]


def curve(
    points: Points, title: str, below: Points | None = None, width: int = 72, height: int = 14
) -> str:
    """A filled curve of (seconds, value), the time along the bottom. What it has more than the
    curve `below` it is drawn lighter."""
    if not points:
        return f"{title}: no points"
    end = points[-1][0] or 1e-9
    top = max(value for _, value in points) or 1
    times = [end * (i + 1) / width for i in range(width)]
    columns = [_value_at(points, time) for time in times]
    full = [_value_at(below, time) for time in times] if below else columns
    label = max(len(f"{top:,.0f}"), 6)
    lines = [title]
    for row in range(height, 0, -1):
        least = top * (row - 0.5) / height
        bar = "".join(
            "#" if lower >= least else ":" if value >= least else " "
            for value, lower in zip(columns, full)
        ).rstrip()
        mark = f"{top * row / height:,.0f}" if row in (height, height // 2) else ""
        lines.append(f"{mark:>{label}} |{bar}")
    lines.append(f"{'0':>{label}} +{'-' * width}")
    lines.append(f"{'':>{label}}  0 s{f'{end:.2f} s':>{width - 3}}")
    return "\n".join(lines)


def _value_at(points: Points, time: float) -> float:
    earlier_time, earlier = 0.0, 0.0
    for when, value in points:
        if when >= time:
            share = (time - earlier_time) / (when - earlier_time) if when > earlier_time else 1
            return earlier + (value - earlier) * share
        earlier_time, earlier = when, value
    return earlier


def table(rows: list[tuple[str, str]]) -> str:
    left = max(len(name) for name, _ in rows)
    right = max(len(value) for _, value in rows)
    return "\n".join(f"  {name:<{left}}  {value:>{right}}" for name, value in rows)


def columns(rows: list[tuple[str, ...]]) -> str:
    """A table whose first row is its head; numbers stand right, names left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:])]
        lines.append("  ".join(["", f"{row[0]:<{widths[0]}}", *cells]))
    return "\n".join(lines)
