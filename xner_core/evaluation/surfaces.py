"""Which entities were met in training: by their surface, whatever type they had there (Augenstein et al. 2017).

White space does not count, so that tokenised gold and raw text agree; case does.
"""

from collections.abc import Collection, Iterable, Sequence

import polars as pl
import pyarrow as pa

from xner_core.errors import XnerError
from xner_core.files import locate, read_table
from xner_core.projection.schema import PROJECTED
from xner_core.spans import Entity

_COLUMNS = ["target_text", "entities"]


def surface(text: str, entity: Entity) -> str:
    return "".join(text[entity.span.start : entity.span.end].split())


def surfaces(texts: Sequence[str], entities: Iterable[Sequence[Entity]]) -> set[str]:
    """The surfaces of all entities of some texts."""
    return {surface(text, entity) for text, found in zip(texts, entities, strict=True) for entity in found}


def seen_surfaces(folders: Sequence[str], wanted: Collection[str]) -> set[str]:
    """Those of some surfaces that a projected entity has in labels; one label file is held in memory at a time.

    Args:
        folders: folders of labels, at any depth
        wanted: the surfaces looked for

    Raises:
        XnerError: a folder without label files, or a file that is none.
    """
    seen: set[str] = set()
    for folder in folders:
        files = [file for file in locate(folder).files() if file.name.endswith(".parquet")]
        if not files:
            raise XnerError(f"{folder}: no label files in this folder; project a corpus first, or mend the path")
        for file in files:
            table = read_table(file, _COLUMNS)
            if missing := set(_COLUMNS) - set(table.column_names):
                raise XnerError(f"{file}: not a label file, it has no column {', '.join(sorted(missing))}")
            seen |= _projected_surfaces(table) & set(wanted)
    return seen


def _projected_surfaces(labels: pa.Table) -> set[str]:
    start, end = pl.col("target_start"), pl.col("target_end")
    found = (
        pl.from_arrow(labels)
        .explode("entities")
        .drop_nulls("entities")
        .unnest("entities")
        .filter(pl.col("status") == PROJECTED)
        .select(pl.col("target_text").str.slice(start, end - start).str.replace_all(r"\s", ""))
    )
    return set(found["target_text"].unique())
