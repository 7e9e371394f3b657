"""What a whole corpus says of each projected entity: the votes of all pairs that hold the same names.

An English name that is projected a thousand times tells its usual counterpart and type; a target string tells how often
it is an entity where it occurs. Lone outliers show in both, and so do names that the tagger or the aligner missed in
one sentence and found in others. All that is counted is written down, and a training decides by its own thresholds.

    <out>/<fingerprint>/<labels' fingerprint>/language=de/domain=news/<shard>.parquet    rows as in the label file
"""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from xner_core.errors import XnerError
from xner_core.files import Location, locate, read_table, write_table
from xner_core.hashing import fingerprint
from xner_core.languages import distinct_languages
from xner_core.normal_form import normal_form
from xner_core.outputs import require_folder
from xner_core.projection.label_files import LabelFile, find_label_files
from xner_core.projection.schema import PROJECTED
from xner_core.snapshots.repository import label_addresses
from xner_core.spans import Span
from xner_core.text import is_within_unspaced, words

logger = logging.getLogger(__name__)

# Raised whenever the same labels would give other votes.
VERSION = 3
# Words of the longest name that is looked for (single characters in scripts without spaces).
_LONGEST = 12
# A name is looked for where it was not projected if it was projected so often, and in this share of its occurrences.
_RECOVERED_MARKS, _RECOVERED_COVERAGE = 2, 0.1
# What is known of a name in general counts as much as so many occurrences beside one character.
_GENERAL = 3
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


@dataclass(frozen=True)
class ConsensusSettings:
    """Whose votes are counted.

    Args:
        labels: what votes together, local or s3://, of one target language: folders of projections, whose latest
            snapshots are taken, or folder@name for another one; or labels/<fingerprint> in them, or partitions of it
        out: folder of the votes, local or s3://; one for each set of labels is made in it
    """

    labels: list[str]
    out: str

    def __post_init__(self):
        if not self.labels:
            raise ValueError("labels: name at least one folder of labels")


@dataclass
class Evidence:
    """What is counted over all pairs.

    Attributes:
        types: of each source string, in normal form as all others, how often it was projected with each type
        counterparts: of each source string, how often it was projected to each target string
        marks: of each target string, how often it is an entity of each type
        occurrences: of each target string, how often it occurs, as an entity or not
        beside: the same of each target string beside a character, which may belong to one word with it
        marked_beside: how often it is an entity there
    """

    types: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    counterparts: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    marks: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    occurrences: Counter[str] = field(default_factory=Counter)
    beside: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    marked_beside: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def add_projections(self, rows: Iterable[Mapping[str, Any]]) -> None:
        for row in rows:
            for label in row["entities"]:
                if label["status"] == PROJECTED:
                    source, target = _source_name(row, label), _target_name(row, label)
                    self.types[source][label["type"]] += 1
                    self.counterparts[source][target] += 1
                    self.marks[target][label["type"]] += 1

    def add_occurrences(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Counts the occurrences of all names of the projections, which must have been added before."""
        for row in rows:
            text, found, marked = row["target_text"], self.find(row["target_text"]), _projected(row)
            self.occurrences.update(normal_form(text[span.start : span.end]) for span in found)
            self.beside.update(beside for span in {*found, *marked} for beside in _beside(text, span))
            self.marked_beside.update(beside for span in marked for beside in _beside(text, span))

    def find(self, text: str) -> list[Span]:
        """Where names stand in a target text: from its start on the longest one at each word, none overlapping."""
        spans = words(text)
        # Parts of a text in normal form are in normal form.
        form = str if normal_form(text) == text else normal_form
        found, first = [], 0
        while first < len(spans):
            start = spans[first][0]
            for last in range(min(first + _LONGEST, len(spans)) - 1, first - 1, -1):
                if form(text[start : spans[last][1]]) in self.marks:
                    found.append(Span(start, spans[last][1]))
                    first = last
                    break
            first += 1
        return found

    def count(self, target: str) -> int:
        """How often a target string occurs; an entity inside a longer name, or that ends within a word, counts too."""
        return max(self.occurrences[target], self.marks[target].total())

    def coverage(self, target: str) -> float:
        """The share of a target string's occurrences in which it is an entity, of whatever type."""
        return self.marks[target].total() / self.count(target)

    def coverage_at(self, text: str, span: Span) -> float:
        """The coverage of a name where it stands in a text without being an entity.

        In scripts without spaces it may be a part of another word there ("中国", China, in "发展中国家", developing
        countries). So its coverage is at most the one beside the same character, before or after it, in other texts,
        with Dirichlet smoothing towards the general one (Zhai and Lafferty 2001, SIGIR).
        """
        coverage = self.coverage(normal_form(text[span.start : span.end]))
        smoothed = [
            (self.marked_beside[beside] + _GENERAL * coverage) / (self.beside[beside] - 1 + _GENERAL)
            for beside in _beside(text, span)
        ]
        return min([coverage, *smoothed])

    def vote(self, row: Mapping[str, Any], label: Mapping[str, Any]) -> dict[str, Any]:
        """What the corpus says of one entity, as in `VOTE`."""
        source = _source_name(row, label)
        votes = self.types[source] if source in self.types else Counter()
        projections = votes.total()
        type_, count = votes.most_common(1)[0] if votes else (None, 0)
        vote = {
            "projections": projections,
            "type": type_,
            "type_share": count / projections if projections else None,
            "target_share": None,
            "occurrences": None,
            "coverage": None,
        }
        if label["status"] == PROJECTED:
            target = _target_name(row, label)
            vote |= {
                "target_share": self.counterparts[source][target] / projections,
                "occurrences": self.count(target),
                "coverage": self.coverage(target),
            }
        return vote

    def recovered(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The names in a target text that are entities elsewhere, as in `RECOVERED`."""
        text = row["target_text"]
        taken = _projected(row)
        found = []
        for span in self.find(text):
            name = normal_form(text[span.start : span.end])
            marks = self.marks[name].total()
            if marks < _RECOVERED_MARKS or any(map(span.overlaps, taken)):
                continue
            coverage = self.coverage_at(text, span)
            if coverage < _RECOVERED_COVERAGE:
                continue
            type_, count = self.marks[name].most_common(1)[0]
            found.append(
                {
                    "type": type_,
                    "start": span.start,
                    "end": span.end,
                    "occurrences": self.occurrences[name],
                    "coverage": coverage,
                    "type_share": count / marks,
                }
            )
        return found


def _projected(row: Mapping[str, Any]) -> set[Span]:
    """The target spans of a row's projected entities."""
    return {
        Span(label["target_start"], label["target_end"]) for label in row["entities"] if label["status"] == PROJECTED
    }


def _beside(text: str, span: Span) -> Iterator[tuple[str, str, str]]:
    """A name with the character before it, and with the one after it, if both may belong to one word."""
    name = normal_form(text[span.start : span.end])
    if is_within_unspaced(text, span.start):
        yield text[span.start - 1], name, ""
    if is_within_unspaced(text, span.end):
        yield "", name, text[span.end]


def _source_name(row: Mapping[str, Any], label: Mapping[str, Any]) -> str:
    return normal_form(row["source_text"][label["source_start"] : label["source_end"]])


def _target_name(row: Mapping[str, Any], label: Mapping[str, Any]) -> str:
    return normal_form(row["target_text"][label["target_start"] : label["target_end"]])


def build_consensus(settings: ConsensusSettings) -> dict[str, Any]:
    """Counts what all labels say of each name, and writes for each label file what that means for its entities.

    The labels themselves are left as they are. Memory grows with the number of different names, not with the corpus.

    Raises:
        XnerError: no labels, or labels of several target languages.
    """
    started = time.monotonic()
    require_folder("out", settings.out)
    files = find_label_files(label_addresses(settings.labels))
    languages = distinct_languages(file.language for file in files)
    if len(languages) > 1:
        raise XnerError(f"labels of {', '.join(languages)}; names of one target language vote together: name one")
    own = fingerprint(stage="consensus", version=VERSION, files=[file.name for file in files])
    out = locate(settings.out) / own
    done = {file.relative_to(out) for file in out.files()}
    missing = [file for file in files if file.name not in done]
    result = {"consensus": str(out), "fingerprint": own, "files": len(files), "written": len(missing)}
    if not missing:
        return result | {"status": "nothing to do", "reason": f"the votes of all {len(files)} files are in {out}"}
    evidence = Evidence()
    for progress, add in (("projections", evidence.add_projections), ("occurrences", evidence.add_occurrences)):
        for number, file in enumerate(files, 1):
            add(_rows(file.location))
            if number % 100 == 0 or number == len(files):
                logger.info("%s: %d of %d files, %d names", progress, number, len(files), len(evidence.marks))
    recovered = 0
    for file in missing:
        table = consensus_table(evidence, _rows(file.location, quarantined=True))
        recovered += sum(map(len, table["recovered"].to_pylist()))
        write_table(out / file.name, table)
    seconds = time.monotonic() - started
    names = {"source_names": len(evidence.types), "target_names": len(evidence.marks), "recovered": recovered}
    print(f"{out}: votes on {len(evidence.marks)} names; {len(missing)} files written, {recovered} names recovered")
    return {"status": "done"} | result | names | {"seconds": round(seconds, 1)}


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
                "with jobs/build_consensus.py"
            )
    return {file.name: there[file.name] for file in files}
