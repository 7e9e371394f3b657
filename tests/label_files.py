"""Label files as a projection writes them, for tests."""

import hashlib
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from xner_core.labels.schema import LABELS, PROJECTED, UNKNOWN
from xner_core.storage.files import locate, write_table

FINGERPRINT = "0123456789abcdef0123456789abcdef"
NAMES = {
    "PER": ["Anna Weber", "Otto Klein", "Maria Lang", "Paul Braun"],
    "LOC": ["Bonn", "Ulm", "Rostock", "Kiel"],
    "ORG": ["Siemens AG", "Bosch GmbH", "Nordbank"],
}
PATTERNS = ["{PER} wohnt in {LOC} .", "{ORG} baut ein Werk in {LOC} .", "Gestern kam {PER} zu {ORG} .", "Es regnet ."]


def label(type_: str, start: int | None, end: int | None, tagger: float = 1.0, aligner: float = 1.0) -> dict[str, Any]:
    """An entity of a label row; unknown if it has no span."""
    return {
        "type": type_,
        "source_start": 0,
        "source_end": 1,
        "target_start": start,
        "target_end": end,
        "tagger_confidence": tagger,
        "aligner_confidence": aligner,
        "status": UNKNOWN if start is None else PROJECTED,
        "reason": "no similar span" if start is None else None,
    }


def row(
    text: str,
    labels: Sequence[dict[str, Any]] = (),
    quarantine: str | None = None,
    id_: str | None = None,
    mentions: Sequence[dict[str, Any]] | None = None,
) -> dict:
    """A row of a label file."""
    return {
        "pair_id": id_ or hashlib.blake2b(text.encode(), digest_size=16).hexdigest(),
        "source_text": "source",
        "target_text": text,
        "entities": list(labels),
        "mentions": mentions,
        "quarantine": quarantine,
        "score": None,
        "origin": "test",
        "source_language": "en",
        "shard": "shard",
        "tagger": "t" * 32,
        "aligner": "a" * 32,
    }


def sentences(count: int, seed: int = 1) -> list[dict]:
    """Rows of made-up German sentences whose entities are all projected."""
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        text, labels = "", []
        for word in chance.choice(PATTERNS).split(" "):
            type_ = word.strip("{}")
            name = chance.choice(NAMES[type_]) if type_ in NAMES else word
            if type_ in NAMES:
                labels.append(label(type_, len(text), len(text) + len(name)))
            text += name + " "
        id_ = hashlib.blake2b(f"{seed} {number}".encode(), digest_size=16).hexdigest()
        rows.append(row(text.strip(), labels, id_=id_))
    return rows


def write_labels(folder: Path, *files: Sequence[dict], language: str = "de", fingerprint: str = FINGERPRINT) -> str:
    """Writes rows, one file each, under two domains; returns the folder of the labels."""
    labels = Path(folder) / "labels" / fingerprint
    for number, rows in enumerate(files):
        path = labels / f"language={language}" / f"domain={('news', 'wiki')[number % 2]}" / f"{number:032x}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_table(locate(path), pa.Table.from_pylist(list(rows), schema=LABELS))
    return str(labels)
