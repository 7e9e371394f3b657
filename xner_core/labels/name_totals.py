"""Counts of names over many files, added up by name: spread by hash over partitions, and merged partition by partition.

No partition needs more memory than its own names, and none is looked at by name in Python.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xner_core.labels.name_keys import mixed
from xner_core.storage.files import Location, read_table, write_table


class Group(NamedTuple):
    """Some of the files, whose counts are spread together.

    Attributes:
        number: of the group
        first: the number of its first file among all
        files: where their counts lie
        partitions: over how many partitions the counts are spread
        out: folder of what is made
    """

    number: int
    first: int
    files: Sequence[Location]
    partitions: int
    out: Location


class Partition(NamedTuple):
    """A partition of the names.

    Attributes:
        number: of the partition
        groups: how many groups of files have been spread over it
        out: folder of what is made
    """

    number: int
    groups: int
    out: Location


def spread_projections(group: Group) -> None:
    """The counts of the projections of some files, by source string and by target string."""
    tables = []
    for number, file in enumerate(group.files, group.first):
        table = read_table(file, ["type", "source", "target", "counts"])
        # Where types are as frequent as each other, the one that came first counts.
        first = pa.array(np.arange(len(table), dtype=np.int64) + (number << 32))
        tables.append(table.append_column("first", first).filter(table["counts"]).drop_columns(["counts"]))
    table = pa.concat_tables(tables).unify_dictionaries()
    for name, keys in (("projections", ["source", "target", "type"]), ("marks", ["target", "type"])):
        counts = table.group_by(keys, use_threads=False).aggregate([([], "count_all"), ("first", "min")])
        _spread(counts.rename_columns([*keys, "count", "first"]), keys[0], name, group)


def merge_projections(partition: Partition) -> None:
    """The totals of the source strings, of their pairs with target strings, and of the target strings."""
    projections = _gathered("projections", partition)
    pairs = _summed(projections, ["source", "target"])
    keys = pair_keys(pairs["source"].to_numpy(), pairs["target"].to_numpy())
    # Whoever asks for a pair has seen it once.
    _write("pairs", partition, pa.table({"key": keys, "count": pairs["count"]}).filter(pc.greater(pairs["count"], 1)))
    _write("sources", partition, _with_most_frequent_type(projections, "source"))
    _write("targets", partition, _with_most_frequent_type(_gathered("marks", partition), "target"))


def pair_keys(sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The keys of source strings with their target strings."""
    return mixed(mixed(sources) ^ targets)


def spread_occurrences(group: Group) -> None:
    """The counts of where names occur in the texts of some files."""
    table = pa.concat_tables([read_table(file) for file in group.files])
    _spread(_summed(table, ["key"], ["count", "marked"]), "key", "occurrences", group)


def merge_occurrences(partition: Partition) -> None:
    """Their totals."""
    table = _summed(_gathered("occurrences", partition), ["key"], ["count", "marked"])
    # Whoever asks has seen it once.
    _write("places", partition, table.filter(pc.greater(table["count"], 1)))


def spread_file(group: Group, name: str) -> Location:
    """The last file that the spreading of counts of this name makes of a group."""
    return group.out / f"{name}/{group.partitions - 1}/{group.number}.parquet"


def total_file(partition: Partition, name: str) -> Location:
    """Where the totals of this name of a partition lie."""
    return partition.out / f"{name}/{partition.number}.parquet"


def read_totals(name: str, partitions: Iterable[Partition]) -> pa.Table:
    """The totals of all partitions, in the order of their keys."""
    table = pa.concat_tables([read_table(total_file(partition, name)) for partition in partitions])
    return table.unify_dictionaries().combine_chunks()


def _spread(table: pa.Table, key: str, name: str, group: Group) -> None:
    """Writes a file for each partition, the last one last; partitions are ranges of keys."""
    of = ((table[key].to_numpy() >> np.uint64(32)) * np.uint64(group.partitions)) >> np.uint64(32)
    for number in range(group.partitions):
        write_table(group.out / f"{name}/{number}/{group.number}.parquet", table.filter(pa.array(of == number)))


def _gathered(name: str, partition: Partition) -> pa.Table:
    files = [partition.out / f"{name}/{partition.number}/{group}.parquet" for group in range(partition.groups)]
    return pa.concat_tables([read_table(file) for file in files]).unify_dictionaries().combine_chunks()


def _summed(table: pa.Table, keys: list[str], counts: Sequence[str] = ("count",)) -> pa.Table:
    summed = table.group_by(keys, use_threads=False).aggregate([(name, "sum") for name in counts])
    return summed.rename_columns([*keys, *counts])


def _with_most_frequent_type(table: pa.Table, key: str) -> pa.Table:
    """Of each name its count, its most frequent type, and how often it is of that."""
    typed = table.group_by([key, "type"], use_threads=False).aggregate([("count", "sum"), ("first", "min")])
    keys, counts = typed[key].to_numpy(), typed["count_sum"].to_numpy()
    order = np.lexsort((typed["first_min"].to_numpy(), -counts, keys))
    distinct, first = np.unique(keys[order], return_index=True)
    totals = np.add.reduceat(counts[order], first) if len(first) else counts
    return pa.table(
        {
            "key": distinct,
            "count": totals.astype(np.int32),
            "type": typed["type"].take(order[first]),
            "type_count": counts[order[first]].astype(np.int32),
        }
    )


def _write(name: str, partition: Partition, table: pa.Table) -> None:
    write_table(total_file(partition, name), table)
