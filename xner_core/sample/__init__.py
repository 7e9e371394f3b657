"""The bundled sample corpus: parallel sentences with entities marked on both sides by hand.

`sentences.jsonl` holds a sentence in all languages on each line, entities marked as `[surface|TYPE]`; README.md beside
it says how to add some. Its part `corpus` is for projection, its part `gold` is kept out for scoring.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from xner_core.errors import XnerError
from xner_core.text.spans import Entity, Span, tags_of_entities
from xner_core.text.words import words

_MARK = re.compile(r"\[([^\[\]|]+)\|([A-Z]+)\]")
LANGUAGES = ("en", "de", "es", "nl", "zh")


@dataclass(frozen=True)
class Sentence:
    """A raw text and the entities marked in it."""

    text: str
    entities: list[Entity]


@dataclass(frozen=True)
class SampleRow:
    """A sentence in all languages of the sample."""

    id: str
    domain: str
    translations: dict[str, Sentence]


def parse_markup(marked: str) -> Sentence:
    """The sentence that a text with `[surface|TYPE]` marks stands for."""
    text, entities, end = "", [], 0
    for match in _MARK.finditer(marked):
        text += marked[end : match.start()]
        entities.append(Entity(Span(len(text), len(text) + len(match[1])), match[2]))
        text += match[1]
        end = match.end()
    return Sentence(text + marked[end:], entities)


def read_sample(split: Literal["corpus", "gold"]) -> Iterator[SampleRow]:
    """The rows of one part of the sample."""
    with (files("xner_core") / "sample" / "sentences.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["split"] == split:
                yield SampleRow(row["id"], row["domain"], {name: parse_markup(row[name]) for name in LANGUAGES})


def write_sample_corpus(folder: Path, source: str, target: str) -> None:
    """Writes the part `corpus` as line-aligned files, `<domain>.<language>`, as one downloads them from OPUS.

    Raises:
        XnerError: the sample has no such language.
    """
    _check_languages(source, target)
    lines: dict[str, list[str]] = defaultdict(list)
    for row in read_sample("corpus"):
        for language in (source, target):
            lines[f"{row.domain}.{language}"].append(row.translations[language].text)
    folder.mkdir(parents=True, exist_ok=True)
    for name, texts in lines.items():
        (folder / name).write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")


def write_sample_gold(path: Path, target: str) -> None:
    """Writes the part `gold` in one language as a CoNLL file."""
    _check_languages(target)
    with open(path, "w", encoding="utf-8") as file:
        for row in read_sample("gold"):
            sentence = row.translations[target]
            spans = [Span(*word) for word in words(sentence.text)]
            tags = tags_of_entities(sentence.entities, spans)
            file.writelines(
                f"{sentence.text[span.start : span.end]}\t{tag}\n" for span, tag in zip(spans, tags, strict=True)
            )
            file.write("\n")


def _check_languages(*languages: str) -> None:
    for language in languages:
        if language not in LANGUAGES:
            raise XnerError(
                f"the bundled sample has no language {language!r}, only {', '.join(LANGUAGES)}; "
                "name a corpus of your own with --corpus"
            )
