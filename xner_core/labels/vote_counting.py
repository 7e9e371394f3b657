"""The way from label files to what a whole corpus says of its names, as tasks that know of each other by files alone.

1. The names of each label file as keys, made once and kept (`entity_keys`).
2. Totals of the projections, by name.
3. Where these names occur in the texts of each file: which ones are known names, all files decide together.
4. Totals of the occurrences.

    <keys>/<fingerprint>/<label file's name>      of step 1
    <work>/…                                      of the others, until the votes are written
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from xner_core.labels.entity_keys import KeysTask, keys_fingerprint, write_entity_keys
from xner_core.labels.evidence import Evidence, Names
from xner_core.labels.label_files import LabelFile
from xner_core.labels.name_totals import (
    Group,
    Partition,
    merge_occurrences,
    merge_projections,
    read_totals,
    spread_file,
    spread_occurrences,
    spread_projections,
    total_file,
)
from xner_core.storage.files import Location, locate, read_footer, read_table, write_table
from xner_core.storage.tasks import Tasks
from xner_core.text.text_arrays import TextArrays

logger = logging.getLogger(__name__)

# So many files' counts are in the memory of one task at once.
_FILES_OF_GROUP = 256
_OCCURRENCES, _CANDIDATES = "found", "candidates"


@dataclass(frozen=True)
class Counting:
    """What is counted over some label files, and where it lies.

    Attributes:
        keys: folder of the keys of each file's names
        work: folder of all else
        size: how many groups of files, and partitions of names, there are
    """

    keys: Location
    work: Location
    size: int

    @property
    def partitions(self) -> list[Partition]:
        return [Partition(number, self.size, self.work) for number in range(self.size)]

    def entities(self, file: LabelFile) -> pa.Table:
        """The entities of a label file, as `ENTITY_KEYS`."""
        return read_table(self.keys / file.name)

    def candidates(self, file: LabelFile) -> pa.Table:
        """Names that may be recovered in a label file, as `CANDIDATES`."""
        return read_table(self.work / _CANDIDATES / file.name)

    def evidence(self) -> Evidence:
        """The totals, which a process reads once."""
        return _evidence(str(self.work), self.size)

    def names(self) -> Names:
        """The names that are looked for, which a process reads once."""
        return _names(str(self.work), self.size)

    def count(self, name: str) -> int:
        """How many totals of a name there are."""
        return sum(read_footer(total_file(partition, name)).num_rows for partition in self.partitions)


@lru_cache(maxsize=1)
def _evidence(work: str, size: int) -> Evidence:
    return Evidence([Partition(number, size, locate(work)) for number in range(size)])


@lru_cache(maxsize=1)
def _names(work: str, size: int) -> Names:
    return Names(read_totals("targets", [Partition(number, size, locate(work)) for number in range(size)]))


def count_votes(files: Sequence[LabelFile], keys: Location, work: Location, tasks: Tasks) -> Counting:
    """Counts the names that are projected in label files, and where these occur.

    Keys of files that were counted before are there already, and so is what an interrupted run has done.

    Args:
        files: the label files
        keys: folder of the keys of all label files' names, which are kept
        work: folder for these files alone
        tasks: where the work is done
    """
    counting = Counting(keys / keys_fingerprint(), work, -(-len(files) // _FILES_OF_GROUP))
    there = {str(file) for folder in (counting.keys, work) for file in folder.files()}

    def do(function: Callable[[Any], None], items: Iterable[tuple[Location, Any]]) -> None:
        """Does what has not made its last file."""
        missing = [item for file, item in items if str(file) not in there]
        for number, _ in enumerate(tasks.map(function, missing), 1):
            if number % 100 == 0 or number == len(missing):
                logger.info("%s: %d of %d", function.__name__.strip("_").replace("_", " "), number, len(missing))

    do(write_entity_keys, [(task.keys, task) for task in (KeysTask(file, counting.keys / file.name) for file in files)])
    projections = _groups([counting.keys / file.name for file in files], counting)
    do(spread_projections, [(spread_file(group, "marks"), group) for group in projections])
    do(merge_projections, [(total_file(each, "targets"), each) for each in counting.partitions])
    do(_find_names, [(work / _CANDIDATES / file.name, (file, counting)) for file in files])
    occurrences = _groups([work / _OCCURRENCES / file.name for file in files], counting)
    do(spread_occurrences, [(spread_file(group, "occurrences"), group) for group in occurrences])
    do(merge_occurrences, [(total_file(each, "places"), each) for each in counting.partitions])
    return counting


def _groups(files: Sequence[Location], counting: Counting) -> list[Group]:
    return [
        Group(number, first, files[first : first + _FILES_OF_GROUP], counting.size, counting.work)
        for number, first in enumerate(range(0, len(files), _FILES_OF_GROUP))
    ]


def _find_names(task: tuple[LabelFile, Counting]) -> None:
    file, counting = task
    labels = read_table(file.location, ["target_text", "quarantine"])
    texts = TextArrays.of_column(pc.if_else(labels["quarantine"].is_null(), labels["target_text"], ""))
    occurrences, candidates = counting.names().occurrences(texts, counting.entities(file))
    write_table(counting.work / _OCCURRENCES / file.name, occurrences)
    write_table(counting.work / _CANDIDATES / file.name, candidates)
