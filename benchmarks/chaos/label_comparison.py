"""Whether a projection says what an undisturbed one does: every pair, once, with the same labels."""

from collections import Counter
from typing import Any

from chaos.poison import is_marked
from xner_core.labels.label_files import find_label_files
from xner_core.storage.files import Location, read_table

_SCORES = ("tagger_confidence", "aligner_confidence")
TOLERANCE = 1e-4


def read_labels(folder: Location) -> list[dict[str, Any]]:
    """The rows of the newest label files in a folder `labels/<fingerprint>`."""
    files = find_label_files([str(folder)])
    return [row for file in files for row in read_table(file.location).to_pylist()]


def differences(found: list[dict[str, Any]], expected: list[dict[str, Any]], poisoned: bool) -> list[str]:
    """What is lost, doubled or different; nothing if all is well.

    Args:
        found: rows of a projection that was disturbed
        expected: those of one that was not, and whose models do not mind marked texts
        poisoned: marked pairs must be in quarantine, and no other may be; otherwise none may be
    """
    times = Counter(row["pair_id"] for row in found)
    wanted = {row["pair_id"]: row for row in expected}
    problems = [f"pair {pair} is there {count} times" for pair, count in times.items() if count > 1]
    problems += [f"pair {pair} is not there" for pair in wanted if pair not in times]
    problems += [f"pair {pair} is of no shard" for pair in times if pair not in wanted]
    for row in found:
        pair = row["pair_id"]
        broken = poisoned and is_marked(row["source_text"])
        if (row["quarantine"] is not None) != broken:
            problems.append(f"pair {pair} is {'not ' if broken else ''}in quarantine: {row['quarantine']}")
        elif broken:
            problems += [f"pair {pair} is in quarantine, and yet has labels"] * bool(row["entities"])
        elif pair in wanted and not _alike(row["entities"], wanted[pair]["entities"]):
            problems.append(f"pair {pair} has other labels")
    return problems


def _alike(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> bool:
    """Whether entities are the same, but for scores that may differ a little."""
    return len(one) == len(other) and all(
        all(
            abs(left[name] - right[name]) <= TOLERANCE if name in _SCORES else left[name] == right[name]
            for name in left
        )
        for left, right in zip(one, other, strict=True)
    )
