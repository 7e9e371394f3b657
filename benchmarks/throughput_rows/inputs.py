"""What rows read, made once in a folder: pairs for models, text to ingest, labels to learn from, free models."""

import gzip
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from throughput_rows.free_models import save_free_models
from throughput_rows.made_up import SOURCE, TARGET, MadeUpPair, label_row, made_up_pairs, write_text
from throughput_rows.measured import LABEL_FILES, MODELS, PAIRS, SHARD_PAIRS, TEXT
from xner_core.corpus.layout import PAIR_SCHEMA
from xner_core.errors import XnerError
from xner_core.labels.schema import LABELS, with_counts
from xner_core.projection.stages import count_labels

_FINGERPRINT = "0" * 32


def prepare(folder: Path, needs: set[str], pairs: int, made: int, corpus: str | None, domain: str) -> None:
    """Makes what rows need and is not there yet.

    Args:
        folder: of all of it
        needs: names in this module
        pairs: how many the models read
        made: how many there are of what is made up
        corpus: folder of `<domain>.en` and `<domain>.de`, plain or .gz, that the models read; made-up pairs without it
        domain: of that corpus

    Raises:
        XnerError: no such corpus, or one with too few pairs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if PAIRS in needs and not (folder / PAIRS).exists():
        pq.write_table(_pairs(pairs, corpus, domain), folder / PAIRS)
    if MODELS in needs and not (folder / MODELS).exists():
        try:
            save_free_models(folder / MODELS)
        except BaseException:
            # The aligner names the folder of its encoder, so it cannot be renamed.
            shutil.rmtree(folder / MODELS, ignore_errors=True)
            raise
    if TEXT in needs and not (folder / TEXT).exists():
        write_text(folder / TEXT, made_up_pairs(made))
    if LABEL_FILES in needs and not (folder / LABEL_FILES).exists():
        write_labels(folder / LABEL_FILES, made_up_pairs(made), min(SHARD_PAIRS, -(-made // 4)))


def _pairs(count: int, corpus: str | None, domain: str) -> pa.Table:
    if corpus is None:
        made = [(pair.source, pair.target) for pair in made_up_pairs(count)]
    else:
        lines = zip(*(_lines(Path(corpus), domain, language) for language in (SOURCE, TARGET)), strict=True)
        made = list(itertools.islice(dict.fromkeys(pair for pair in lines if all(pair)), count))
        if len(made) < count:
            raise XnerError(f"{corpus}: {len(made)} pairs of domain {domain!r}; ask for fewer")
    rows = {
        "pair_id": [MadeUpPair(source, target, ()).id for source, target in made],
        "source_text": [source for source, _ in made],
        "target_text": [target for _, target in made],
        "score": [None] * count,
        "origin": [None] * count,
    }
    return pa.table(rows, schema=PAIR_SCHEMA)


def _lines(corpus: Path, domain: str, language: str) -> Iterator[str]:
    plain, packed = corpus / f"{domain}.{language}", corpus / f"{domain}.{language}.gz"
    if not plain.exists() and not packed.exists():
        raise XnerError(f"{corpus}: neither {plain.name} nor {packed.name} is there")
    with (
        open(plain, encoding="utf-8", newline="\n") if plain.exists() else gzip.open(packed, "rt", newline="\n") as file
    ):
        for line in file:
            yield line.removesuffix("\n").strip()


def write_labels(folder: Path, pairs: Iterator[MadeUpPair], shard_pairs: int) -> None:
    """Writes label files as a projection does, of so many pairs each, in `folder/<fingerprint>/…`."""
    aside = folder.with_name(f"{folder.name}.partial")
    place = aside / _FINGERPRINT / f"language={TARGET}" / "domain=web"
    place.mkdir(parents=True, exist_ok=True)
    number = 0
    while shard := list(itertools.islice(pairs, shard_pairs)):
        rows = list({pair.id: label_row(pair) for pair in shard}.values())
        name = f"{number:032x}"
        provenance = {"score": None, "origin": None, "source_language": SOURCE, "shard": name}
        provenance |= {"tagger": _FINGERPRINT, "aligner": _FINGERPRINT}
        counts = count_labels([row["entities"] for row in rows], [None] * len(rows))
        table = pa.Table.from_pylist([row | provenance for row in rows], schema=LABELS)
        pq.write_table(with_counts(table, counts), place / f"{name}.parquet")
        number += 1
    aside.rename(folder)
