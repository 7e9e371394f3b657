"""The label files of a projection, found where they lie."""

import re
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xner_core.corpus.naming import is_hidden
from xner_core.errors import XnerError
from xner_core.labels.attempts import attempts, of_attempt
from xner_core.labels.pair_ids import SmallestIds, id_halves, id_of_halves
from xner_core.storage.files import Location, locate, read_table
from xner_core.text.languages import did_you_mean

_LAYOUT = re.compile(r"(?P<fingerprint>[^/]+)/language=(?P<language>[^/]+)/domain=(?P<domain>[^/]+)/[^/]+\.parquet$")
# A file's footer, or one column of it, is little: an object store answers for many in the time of one.
_READ_AT_ONCE = 16


@dataclass(frozen=True)
class LabelFile:
    """One Parquet file of labels.

    Attributes:
        location: where it lies
        fingerprint: of its projection
        language: of its target texts
        domain: of its pairs
    """

    location: Location
    fingerprint: str
    language: str
    domain: str

    @property
    def name(self) -> str:
        """Its path from `labels` on; equal names mean equal content."""
        return f"{self.fingerprint}/language={self.language}/domain={self.domain}/{self.location.name}"


def find_label_files(folders: Sequence[str], domains: Collection[str] | None = None) -> list[LabelFile]:
    """The label files in folders `…/labels/<fingerprint>`, or in partitions of these, in the order of their names.

    Of several attempts at a shard's labels, the newest one is taken.

    Args:
        folders: local or s3://; a label file stands for itself
        domains: only files of these domains

    Raises:
        XnerError: a folder without label files, a Parquet file that does not lie in a partition, or no such domain.
    """
    found: dict[str, LabelFile] = {}
    for folder in folders:
        location = locate(folder)
        files = [location] if location.name.endswith(".parquet") else location.files()
        paths = [path for path in files if path.name.endswith(".parquet") and not is_hidden(path.name)]
        if not paths:
            hint = _other_partition(location) or "; project a corpus first, or mend the path"
            raise XnerError(f"{folder}: no label files in this folder{hint}")
        for path in paths:
            match = _LAYOUT.search(path.path)
            if not match:
                raise XnerError(
                    f"{path}: not in <fingerprint>/language=…/domain=…; name the labels/<fingerprint> folder "
                    "of a projection, or one of its partitions"
                )
            file = LabelFile(path, match["fingerprint"], match["language"], match["domain"])
            found[file.name] = file
    there = {file.domain for file in found.values()}
    if domains is not None and not there >= set(domains):
        raise XnerError(
            f"{', '.join(folders)}: no labels of the domains {', '.join(sorted(set(domains) - there))}; "
            f"there are {', '.join(sorted(there))}"
        )
    newest = (of_attempt(first, max(numbers)) for first, numbers in attempts(found).items())
    return [found[name] for name in sorted(newest) if domains is None or found[name].domain in domains]


def _other_partition(location: Location) -> str:
    """Where a folder of a language's labels is not there: those of the same language that are, as a message's end."""
    match = re.search(r"/language=(?P<language>[^/]+)", location.path)
    if not match:
        return ""
    folder = Location(location.filesystem, location.path[: match.start()])
    found = (re.match(r"language=([^/]+)/", file.relative_to(folder)) for file in folder.files())
    hint = did_you_mean(match["language"], sorted({there[1] for there in found if there}))
    return hint.replace("mean ", "mean language=")


def count_rows(files: Iterable[LabelFile], columns: Collection[str]) -> list[int]:
    """The rows of each label file, from its footer alone; many are read side by side.

    Raises:
        XnerError: not a Parquet file, or one without these columns.
    """
    with ThreadPoolExecutor(_READ_AT_ONCE) as pool:
        return list(pool.map(partial(_count_rows, columns=columns), files))


def _count_rows(file: LabelFile, columns: Collection[str]) -> int:
    with file.location.open_input() as stream:
        try:
            metadata = pq.read_metadata(stream)
        except pa.ArrowInvalid as error:
            raise XnerError(f"{file.location}: not a readable Parquet file ({error}); project it again") from error
    missing = set(columns) - set(metadata.schema.to_arrow_schema().names)
    if missing:
        raise XnerError(f"{file.location}: not a label file, it has no column {', '.join(sorted(missing))}")
    return metadata.num_rows


def last_pair_of_sample(files: Sequence[LabelFile], pairs: int) -> str | None:
    """The id of the last of so many pairs, in the order of their ids; None if the files hold no more.

    Ids are uniform hashes of the texts, so these pairs are a random sample, and smaller samples lie within larger ones.
    Memory grows with the sample, not with the labels.

    Raises:
        XnerError: a file that is damaged, or whose pairs have no such ids.
    """
    smallest = SmallestIds(pairs + 1)
    with ThreadPoolExecutor(_READ_AT_ONCE) as pool:
        for some in range(0, len(files), _READ_AT_ONCE):
            for halves in pool.map(_read_ids, files[some : some + _READ_AT_ONCE]):
                smallest.add(halves)
    found = smallest.ids()
    return id_of_halves(found[pairs - 1]) if len(found) > pairs else None


def _read_ids(file: LabelFile) -> np.ndarray:
    ids = read_table(file.location, ["pair_id"])["pair_id"]
    try:
        return id_halves(ids)
    except ValueError as error:
        raise XnerError(f"{file.location}: {error}; project it again") from None
