"""The names of each entity of a label file as keys, made once for the file and kept: what its pairs count in all votes.

<folder>/<fingerprint>/<label file's name>    an item for each entity, in the order of the file
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner_core.labels.label_files import LabelFile
from xner_core.labels.name_keys import name_keys
from xner_core.labels.schema import PROJECTED
from xner_core.storage.files import Location, read_table, write_table
from xner_core.storage.hashing import fingerprint
from xner_core.text.text_arrays import TextArrays

# Raised whenever the same labels would give other keys.
_VERSION = 1
ENTITY_KEYS = pa.schema(
    [
        # The number of the entity's row.
        pa.field("row", pa.int32(), nullable=False),
        pa.field("type", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        # Its source and target strings; null in the target where it is not projected.
        pa.field("source", pa.uint64(), nullable=False),
        pa.field("target", pa.uint64()),
        pa.field("target_start", pa.int32()),
        pa.field("target_end", pa.int32()),
        # Whether it is projected, in a row that is not in quarantine.
        pa.field("counts", pa.bool_(), nullable=False),
    ]
)


def keys_fingerprint() -> str:
    """The name of the folder of all keys that are made in this way."""
    return fingerprint(stage="entity keys", version=_VERSION)


class KeysTask(NamedTuple):
    """A label file, and where its keys are."""

    labels: LabelFile
    keys: Location


def write_entity_keys(task: KeysTask) -> None:
    """Makes the keys of one label file."""
    write_table(task.keys, entity_keys(read_table(task.labels.location, _COLUMNS)))


_OF_ENTITIES = ("type", "status", "source_start", "source_end", "target_start", "target_end")
# Not what else is known of entities, which takes as long to read as all this.
_COLUMNS = ["source_text", "target_text", "quarantine", *(f"entities.list.element.{name}" for name in _OF_ENTITIES)]


def entity_keys(labels: pa.Table) -> pa.Table:
    """The keys of the entities of some label rows, in the schema `ENTITY_KEYS`."""
    entities = labels["entities"].combine_chunks()
    rows = np.repeat(np.arange(len(entities), dtype=np.int32), pc.list_value_length(entities).to_numpy())
    entities = entities.flatten()
    projected = pc.equal(entities.field("status"), PROJECTED).to_numpy(zero_copy_only=False)
    quarantined = labels["quarantine"].is_valid().to_numpy()[rows]
    places = {
        name: pc.fill_null(entities.field(name), 0).to_numpy()
        for name in ("source_start", "source_end", "target_start", "target_end")
    }
    source = _keys(labels["source_text"], rows, places["source_start"], places["source_end"])
    target = np.zeros(len(rows), np.uint64)
    target[projected] = _keys(
        labels["target_text"], rows[projected], places["target_start"][projected], places["target_end"][projected]
    )
    columns = [
        pa.array(rows),
        entities.field("type").dictionary_encode(),
        pa.array(source),
        *(pa.array(values, mask=~projected) for values in (target, places["target_start"], places["target_end"])),
        pa.array(projected & ~quarantined),
    ]
    return pa.Table.from_arrays(columns, schema=ENTITY_KEYS)


def _keys(column: pa.ChunkedArray, rows: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The keys of what stands at some offsets of some rows' texts."""
    texts = TextArrays.of_column(column)
    begin = texts.offsets[rows]
    return name_keys(texts.spans(begin + starts, begin + ends))
