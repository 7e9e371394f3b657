"""The votes of a whole corpus of labels on each of its entities, written beside the labels.

All that is counted is written down, and a training decides by its own thresholds.

    <out>/<fingerprint>/<labels' fingerprint>/language=de/domain=news/<shard>.parquet    rows as in the label file
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from xner_core.errors import XnerError
from xner_core.labels.evidence import Evidence
from xner_core.labels.label_files import LabelFile
from xner_core.storage.files import Location, locate, read_table, write_table
from xner_core.storage.hashing import fingerprint

logger = logging.getLogger(__name__)

# Raised whenever the same labels would give other votes.
VERSION = 3
_COLUMNS = ["pair_id", "source_text", "target_text", "entities", "quarantine"]

VOTE = pa.struct(
    [
        # How often the entity's source string was projected in the whole corpus, and the share of that with its most
        # frequent type, and with this very target string.
        pa.field("projections", pa.int32(), nullable=False),
        pa.field("type", pa.string()),
        pa.field("type_share", pa.float32()),
        pa.field("target_share", pa.float32()),
        # How often the target string occurs in the target texts, and in what share of that it is a projected entity.
        pa.field("occurrences", pa.int32()),
        pa.field("coverage", pa.float32()),
    ]
)
RECOVERED = pa.struct(
    [
        pa.field("type", pa.string(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("occurrences", pa.int32(), nullable=False),
        # In scripts without spaces, as it is beside the characters that the name stands between.
        pa.field("coverage", pa.float32(), nullable=False),
        pa.field("type_share", pa.float32(), nullable=False),
    ]
)
CONSENSUS = pa.schema(
    [
        pa.field("pair_id", pa.string(), nullable=False),
        # One for each entity of the label row, in its order.
        pa.field("votes", pa.list_(VOTE), nullable=False),
        # Names that are entities elsewhere, where no projected entity is.
        pa.field("recovered", pa.list_(RECOVERED), nullable=False),
    ]
)


def consensus_fingerprint(files: Sequence[LabelFile]) -> str:
    """The name of the votes of these label files."""
    return fingerprint(stage="consensus", version=VERSION, files=[file.name for file in files])


def count_votes(files: Sequence[LabelFile]) -> Evidence:
    """Reads the labels twice: for the names that are projected, and for where these occur.

    Memory grows with the number of different names, not with the corpus.
    """
    evidence = Evidence()
    for progress, add in (("projections", evidence.add_projections), ("occurrences", evidence.add_occurrences)):
        for number, file in enumerate(files, 1):
            add(_rows(file.location))
            if number % 100 == 0 or number == len(files):
                logger.info("%s: %d of %d files, %d names", progress, number, len(files), len(evidence.marks))
    return evidence


def write_votes(evidence: Evidence, files: Sequence[LabelFile], out: Location) -> int:
    """Writes the votes on each of the label files into a folder, under the files' names.

    Returns:
        how many names are entities elsewhere, and were found where none is projected
    """
    recovered = 0
    for file in files:
        table = consensus_table(evidence, _rows(file.location, quarantined=True))
        recovered += sum(map(len, table["recovered"].to_pylist()))
        write_table(out / file.name, table)
    return recovered


def consensus_table(evidence: Evidence, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """The votes on the rows of one label file, in the schema `CONSENSUS`."""
    return pa.Table.from_pylist(
        [
            {
                "pair_id": row["pair_id"],
                "votes": [evidence.vote(row, label) for label in row["entities"]],
                "recovered": [] if row["quarantine"] else evidence.recovered(row),
            }
            for row in rows
        ],
        schema=CONSENSUS,
    )


def _rows(location: Location, quarantined: bool = False) -> Iterator[dict[str, Any]]:
    rows = read_table(location, _COLUMNS).to_pylist()
    return (row for row in rows if quarantined or row["quarantine"] is None)


def find_consensus(folder: str, files: Sequence[LabelFile]) -> dict[str, Location]:
    """The votes on each of some label files, by the files' names.

    Args:
        folder: <out>/<fingerprint> of `build_consensus`
        files: the label files

    Raises:
        XnerError: there is none for one of the files.
    """
    location = locate(folder)
    there = {file.relative_to(location): file for file in location.files()}
    for file in files:
        if file.name not in there:
            raise XnerError(
                f"{folder}: no votes on {file.location}; make them of all labels that are trained on "
                "with xner consensus"
            )
    return {file.name: there[file.name] for file in files}
