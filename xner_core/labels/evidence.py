"""What a whole corpus says of each projected entity: the votes of all pairs that hold the same names.

An English name that is projected a thousand times tells its usual counterpart and type; a target string tells how often
it is an entity where it occurs. Lone outliers show in both, and so do names that the tagger or the aligner missed in
one sentence and found in others.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa

from xner_core.labels.name_keys import KeyIndex, NameIndex, mixed
from xner_core.labels.name_totals import Partition, pair_keys, read_totals
from xner_core.text.text_arrays import TextArrays, character_tables

# A name is looked for where it was not projected if it was projected so often, and in this share of its occurrences.
_RECOVERED_MARKS, _RECOVERED_COVERAGE = 2, 0.1
# What is known of a name in general counts as much as so many occurrences beside one character.
_GENERAL = 3
CANDIDATES = pa.schema(
    [
        # A known name where no projected entity is: the number of its row, its place, its key.
        pa.field("row", pa.int32(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("name", pa.uint64(), nullable=False),
        # The name with the character before or after it, if both may belong to one word; 0 if not.
        pa.field("before", pa.uint64(), nullable=False),
        pa.field("after", pa.uint64(), nullable=False),
    ]
)


class Names:
    """The target strings of all projections, and where they stand.

    Args:
        targets: their totals, in the order of their keys
    """

    def __init__(self, targets: pa.Table) -> None:
        self._index = NameIndex(targets["key"].to_numpy())
        self._marks = targets["count"].to_numpy()

    def occurrences(self, texts: TextArrays, entities: pa.Table) -> tuple[pa.Table, pa.Table]:
        """Counts where names occur in target texts, as entities or not.

        Args:
            texts: target texts; those in quarantine empty
            entities: theirs, as `ENTITY_KEYS`

        Returns:
            `key`, `count`, `marked` of each name, and of each name beside a character, which may belong to one word
            with it: how often it occurs there, and of the latter how often as an entity; and, as `CANDIDATES`, the
            names that are entities elsewhere, where no projected entity is.
        """
        found = self._index.find(texts)
        names = self._index.keys[found.names]
        entities = entities.filter(entities["counts"])
        begin = texts.offsets[entities["row"].to_numpy()]
        starts, ends = (begin + entities[f"target_{side}"].to_numpy() for side in ("start", "end"))
        before, after = besides(texts, found.starts, found.ends, names)
        marked_beside = np.concatenate(besides(texts, starts, ends, entities["target"].to_numpy()))
        spans = _span_numbers(np.append(found.starts, starts), np.append(found.ends, ends))
        found_spans, marked_spans = spans[: len(names)], spans[len(names) :]
        keys = np.concatenate([before, after, marked_beside])
        sides = np.repeat([0, 1, 0, 1], [len(names)] * 2 + [len(starts)] * 2)
        span = 2 * np.concatenate([found_spans, found_spans, marked_spans, marked_spans]) + sides
        marked = np.arange(len(keys)) >= 2 * len(names)
        # A span counts once, as an entity if it is one.
        order = np.flatnonzero(keys)[::-1]
        _, first = np.unique(span[order], return_index=True)
        beside, marked = keys[order[first]], marked[order[first]]
        counted = pa.table(
            {"key": np.append(names, beside), "marked": np.append(np.zeros(len(names), np.int64), marked)}
        )
        counts = counted.group_by("key", use_threads=False).aggregate([([], "count_all"), ("marked", "sum")])

        candidate = ~_overlapping(len(texts.codes), found.starts, found.ends, starts, ends)
        candidate &= self._marks[found.names] >= _RECOVERED_MARKS
        begin = texts.offsets[found.texts]
        columns = [found.texts, found.starts - begin, found.ends - begin, names, before, after]
        candidates = [
            pa.array(values[candidate], field.type) for values, field in zip(columns, CANDIDATES, strict=True)
        ]
        return counts.rename_columns(["key", "count", "marked"]), pa.Table.from_arrays(candidates, schema=CANDIDATES)


def besides(
    texts: TextArrays, starts: np.ndarray, ends: np.ndarray, names: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The keys of names with the character before them, and after them, if both may belong to one word; 0 if not."""
    codes, unspaced = np.append(texts.codes, np.uint32(0)), character_tables().unspaced
    numbers = np.searchsorted(texts.offsets, starts, side="right") - 1
    before, after = np.zeros((2, len(names)), np.uint64)
    for keys, places, other, side in ((before, starts, starts - 1, 0), (after, ends, ends, 1)):
        within = (places > texts.offsets[numbers]) & (places < texts.offsets[numbers + 1])
        within &= unspaced[codes[places - 1]] & unspaced[codes[places]]
        beside = 2 * codes[other[within]].astype(np.uint64) + np.uint64(side)
        keys[within] = mixed(names[within] ^ mixed(beside))
    return before, after


def _span_numbers(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Numbers that are alike where both ends are."""
    return np.unique((starts << 32) | ends, return_inverse=True)[1].reshape(-1)


def _overlapping(
    length: int, starts: np.ndarray, ends: np.ndarray, other_starts: np.ndarray, other_ends: np.ndarray
) -> np.ndarray:
    """Which of some spans overlap any other, bool[spans]."""
    depth = np.zeros(length + 1, np.int64)
    np.add.at(depth, other_starts, 1)
    np.add.at(depth, other_ends, -1)
    covered = np.zeros(length + 2, np.int64)
    np.cumsum(np.cumsum(depth) > 0, out=covered[1:])
    return covered[ends] > covered[starts]


class Evidence:
    """The totals over all pairs.

    Args:
        partitions: where they lie
    """

    def __init__(self, partitions: Sequence[Partition]) -> None:
        self._partitions = partitions

    @cached_property
    def _sources(self) -> "_Totals":
        return _Totals(read_totals("sources", self._partitions))

    @cached_property
    def _targets(self) -> "_Totals":
        return _Totals(read_totals("targets", self._partitions))

    @cached_property
    def _pairs(self) -> "_Totals":
        # Partitions are of their source strings' keys.
        return _Totals(read_totals("pairs", self._partitions).sort_by("key"))

    @cached_property
    def _places(self) -> "_Totals":
        return _Totals(read_totals("places", self._partitions).sort_by("key"))

    def votes(self, entities: pa.Table) -> dict[str, pa.Array]:
        """What the corpus says of some entities: the columns of `VOTE`.

        Args:
            entities: as `ENTITY_KEYS`
        """
        projected = entities["target"].is_valid().to_numpy()
        sources, targets = (entities[name].fill_null(0).to_numpy() for name in ("source", "target"))
        projections = self._sources.of(sources, "count", 0)
        known = projections > 0
        divisor = np.maximum(projections, 1)
        marks = self._targets.of(targets, "count", 1)
        occurrences = np.maximum(self._places.of(targets, "count", 1), marks)
        return {
            "projections": pa.array(projections, pa.int32()),
            "type": self._sources.types(sources),
            "type_share": _shares(self._sources.of(sources, "type_count", 0) / divisor, known),
            "target_share": _shares(self._pairs.of(pair_keys(sources, targets), "count", 1) / divisor, projected),
            "occurrences": pa.array(occurrences, pa.int32(), mask=~projected),
            "coverage": _shares(marks / occurrences, projected),
        }

    def recovered(self, candidates: pa.Table) -> tuple[np.ndarray, dict[str, pa.Array]]:
        """Those candidates that are names here as well: the numbers of their rows, and the columns of `RECOVERED`.

        In scripts without spaces a name may be a part of another word there ("中国", China, in "发展中国家", developing
        countries). So its coverage is at most the one beside the same character, before or after it, in other texts,
        with Dirichlet smoothing towards the general one (Zhai and Lafferty 2001, SIGIR).
        """
        names = candidates["name"].to_numpy()
        marks, seen = self._targets.of(names, "count", 1), self._places.of(names, "count", 1)
        general = marks / np.maximum(seen, marks)
        coverage = general
        for side in ("before", "after"):
            beside = candidates[side].to_numpy()
            # This very occurrence, which is no entity, tells nothing.
            others = self._places.of(beside, "count", 1) - 1
            smoothed = (self._places.of(beside, "marked", 0) + _GENERAL * general) / (others + _GENERAL)
            coverage = np.where(beside == 0, coverage, np.minimum(coverage, smoothed))
        chosen = coverage >= _RECOVERED_COVERAGE
        names, marks, seen, coverage = names[chosen], marks[chosen], seen[chosen], coverage[chosen]
        candidates = candidates.filter(pa.array(chosen))
        return candidates["row"].to_numpy(), {
            "type": self._targets.types(names),
            "start": candidates["start"].combine_chunks(),
            "end": candidates["end"].combine_chunks(),
            "occurrences": pa.array(seen, pa.int32()),
            "coverage": pa.array(coverage, pa.float32()),
            "type_share": pa.array(self._targets.of(names, "type_count", 1) / marks, pa.float32()),
        }


class _Totals:
    """Totals by key, in the order of the keys."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table.combine_chunks()
        self._index = KeyIndex(self._table["key"].to_numpy())

    def of(self, keys: np.ndarray, name: str, otherwise: int) -> np.ndarray:
        """The totals in a column; something else for keys without any."""
        places = self._index.places(keys)
        there = places >= 0
        values = np.full(len(keys), otherwise, np.int64)
        values[there] = self._table[name].to_numpy()[places[there]]
        return values

    def types(self, keys: np.ndarray) -> pa.Array:
        """The most frequent types; null for keys without any."""
        places = self._index.places(keys)
        types = self._table["type"].take(pa.array(places, mask=places < 0)).cast(pa.string())
        return types.combine_chunks() if isinstance(types, pa.ChunkedArray) else types


def _shares(values: np.ndarray, known: np.ndarray) -> pa.Array:
    return pa.array(values.astype(np.float32), mask=~known)
