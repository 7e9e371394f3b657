"""Tables for a terminal."""

from collections.abc import Sequence


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns two spaces apart, the first one flush left and the others flush right."""
    padded = []
    for number, column in enumerate(zip(header, *rows, strict=True)):
        width = max(map(len, column))
        padded.append([cell.rjust(width) if number else cell.ljust(width) for cell in column])
    return "\n".join("  ".join(line).rstrip() for line in zip(*padded, strict=True))
