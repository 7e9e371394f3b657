"""The votes of a whole corpus of labels on each of its entities, written beside the labels.

All that is counted is written down, and a training decides by its own thresholds.

    <out>/<fingerprint>/<labels' fingerprint>/language=de/domain=news/<shard>.parquet    rows as in the label file
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from xner_core.errors import XnerError
from xner_core.labels.evidence import Evidence
from xner_core.labels.label_files import LabelFile
from xner_core.labels.vote_counting import Counting
from xner_core.storage.files import Location, locate, read_table, write_table
from xner_core.storage.hashing import fingerprint
from xner_core.storage.tasks import Tasks

# Raised whenever the same labels would give other votes.
VERSION = 3
# In the folder of the votes, what is counted on the way to them.
WORK = "work"

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


def write_votes(files: Sequence[LabelFile], counting: Counting, out: Location, tasks: Tasks) -> int:
    """Writes the votes on each of the label files into a folder, under the files' names.

    Returns:
        how many names are entities elsewhere, and were found where none is projected
    """
    return sum(tasks.map(_write_votes, [(file, counting, out / file.name) for file in files]))


def _write_votes(task: tuple[LabelFile, Counting, Location]) -> int:
    file, counting, out = task
    pair_ids = read_table(file.location, ["pair_id"])["pair_id"]
    table = consensus_table(pair_ids, counting.evidence(), counting.entities(file), counting.candidates(file))
    write_table(out, table)
    return len(table["recovered"].combine_chunks().flatten())


def consensus_table(
    pair_ids: pa.ChunkedArray, evidence: Evidence, entities: pa.Table, candidates: pa.Table
) -> pa.Table:
    """The votes on the rows of one label file, in the schema `CONSENSUS`.

    Args:
        pair_ids: of its rows
        evidence: of all files
        entities: its entities, as `ENTITY_KEYS`
        candidates: names that are entities elsewhere, where none of its projected entities is, as `CANDIDATES`
    """
    rows, recovered = evidence.recovered(candidates)
    votes = _by_row(VOTE, evidence.votes(entities), entities["row"].to_numpy(), len(pair_ids))
    return pa.Table.from_arrays([pair_ids, votes, _by_row(RECOVERED, recovered, rows, len(pair_ids))], schema=CONSENSUS)


def _by_row(item: pa.StructType, columns: Mapping[str, pa.Array], rows: np.ndarray, count: int) -> pa.ListArray:
    """Lists of structs, one list for each of so many rows; the items' rows ascend."""
    offsets = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(rows, minlength=count), out=offsets[1:])
    values = pa.StructArray.from_arrays([columns[field.name] for field in item], fields=list(item))
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=pa.list_(item))


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
