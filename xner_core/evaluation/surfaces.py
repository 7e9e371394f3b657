"""Which entities were met in training: by their surface, whatever type they had there (Augenstein et al. 2017).

They are compared in normal form. White space does not count, so that tokenised gold and raw text agree; case does.
"""

from collections.abc import Collection, Iterable, Sequence

import polars as pl
import pyarrow as pa

from xner_core.labels.label_files import LabelFile, count_rows
from xner_core.labels.schema import PROJECTED
from xner_core.storage.files import read_table
from xner_core.text.normal_form import normal_form
from xner_core.text.spans import Entity

_COLUMNS = ["pair_id", "target_text", "entities"]


def surface(text: str, entity: Entity) -> str:
    """The string of an entity, in the form that strings are compared in."""
    return _form(text[entity.span.start : entity.span.end])


def _form(name: str) -> str:
    return "".join(normal_form(name).split())


def surfaces(texts: Sequence[str], entities: Iterable[Sequence[Entity]]) -> set[str]:
    """The surfaces of all entities of some texts."""
    return {surface(text, entity) for text, found in zip(texts, entities, strict=True) for entity in found}


def seen_surfaces(files: Sequence[LabelFile], wanted: Collection[str], last_pair: str | None = None) -> set[str]:
    """Those of some surfaces that a projected entity has in labels; one label file is held in memory at a time.

    Args:
        files: the labels
        wanted: the surfaces looked for
        last_pair: the last pair id of the sample that counts (see `last_pair_of_sample`); all pairs without it

    Raises:
        XnerError: a file that is no label file.
    """
    seen: set[str] = set()
    count_rows(files, _COLUMNS)
    for file in files:
        seen |= _projected_surfaces(read_table(file.location, _COLUMNS), last_pair) & set(wanted)
    return seen


def _projected_surfaces(labels: pa.Table, last_pair: str | None) -> set[str]:
    start, end = pl.col("target_start"), pl.col("target_end")
    found = (
        pl.DataFrame(labels)
        .filter(True if last_pair is None else pl.col("pair_id") <= last_pair)
        .explode("entities")
        .drop_nulls("entities")
        .unnest("entities")
        .filter(pl.col("status") == PROJECTED)
        .select(pl.col("target_text").str.slice(start, end - start).unique())
    )
    return set(map(_form, found["target_text"]))
