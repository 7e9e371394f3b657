"""The names of a shard's files, by the attempt that made them.

No file is rewritten with other labels. The first attempt's is called by the shard, `<shard>.parquet`; a later one, in
which pairs have come out of quarantine, has the number of its attempt besides, `<shard>-1.parquet`. So snapshots,
votes and trainings that know a name know its labels, and who looks for the newest file sees that it is another.
"""

import re
from collections import defaultdict
from collections.abc import Iterable

_NAME = re.compile(r"(?P<first>.*[0-9a-f]{32})-(?P<attempt>[1-9][0-9]*)\.parquet", re.DOTALL)
# The end of such a name, after the shard's.
ATTEMPT = r"(-[1-9][0-9]*)?"


def split_attempt(path: str) -> tuple[str, int]:
    """The path of the first attempt at a file, and the number of the attempt that the path is of, from 0."""
    match = _NAME.fullmatch(path)
    return (f"{match['first']}.parquet", int(match["attempt"])) if match else (path, 0)


def of_attempt(path: str, attempt: int) -> str:
    """The path of an attempt at a file.

    Args:
        path: of any attempt at it
        attempt: its number
    """
    first, _ = split_attempt(path)
    return f"{first.removesuffix('.parquet')}-{attempt}.parquet" if attempt else first


def attempts(paths: Iterable[str]) -> dict[str, set[int]]:
    """The attempts that there are, by the path of the first one at each file."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for path in paths:
        first, attempt = split_attempt(path)
        found[first].add(attempt)
    return dict(found)
