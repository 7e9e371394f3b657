"""Made-up pairs at any size: the sentences of the bundled sample, as long as news are, with names after Zipf's law.

The pairs of a block follow from its number alone, so a larger corpus begins with the pairs of a smaller one.
"""

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xner_core.sample import Sentence, read_sample
from xner_core.text.spans import Span

SOURCE, TARGET = "en", "de"
BLOCK = 10_000
# Of the words of English news (WMT 2008-2024): median 19, 5 % have less than 6, 5 % more than 49.
_MEDIAN_WORDS, _SPREAD = 19, 0.65
_MOST_WORDS = 200
# Exponent of the distribution of names' ranks; a sample of n has about n^0.75 different ones.
_ZIPF = 1.3
_REPEATED = 0.02
_UNTRANSLATED = 0.05
TYPES = ("PER", "LOC", "ORG")
_FIRST = {
    "PER": "Mar Jon Lis Han Dav Kat Pet Rob".split(),
    "LOC": "Val Ost Bel Nov Gran Tor Zel Wes".split(),
    "ORG": "Tec Bio Uni Gen Sol Max Ner Pro".split(),
}
_SYLLABLES = "ba do ki ne su la mi ro te va gu len ska ri no fa pe do zu wi ham ter sin gor".split()


@dataclass(frozen=True, slots=True)
class Name:
    """A name on both sides of a pair."""

    type: str
    source: Span
    target: Span


@dataclass(frozen=True, slots=True)
class MadeUpPair:
    """Two texts, and the names in them."""

    source: str
    target: str
    names: tuple[Name, ...]

    @property
    def id(self) -> str:
        """32 hex digits, uniform as those of a corpus."""
        return hashlib.blake2b(f"{self.source}\t{self.target}".encode(), digest_size=16).hexdigest()


def name_of(type_: str, rank: int) -> tuple[str, str]:
    """The name of this rank in both languages; every third one is another word there, every fourth has two words."""
    first = _FIRST[type_]
    stem, rest = first[rank % len(first)], rank // len(first)
    while rest:
        rest, syllable = divmod(rest, len(_SYLLABLES))
        stem += _SYLLABLES[syllable]
    if rank % 4 == 3:
        stem += f" {first[(rank // 3) % len(first)]}berg"
    return stem, stem + ("ien" if rank % 3 == 2 else "")


@dataclass(frozen=True)
class _Template:
    """A sentence of the sample: in each language its pieces, and what stands between them, places of `types`."""

    words: int
    types: tuple[str, ...]
    pieces: tuple[tuple[str, ...], tuple[str, ...]]
    order: tuple[tuple[int, ...], tuple[int, ...]]


def _templates() -> list[_Template]:
    found = []
    for row in read_sample("corpus"):
        sides = [_known(row.translations[language]) for language in (SOURCE, TARGET)]
        types = [[entity.type for entity in side.entities] for side in sides]
        if sorted(types[0]) == sorted(types[1]):
            free, order = list(enumerate(types[0])), []
            for type_ in types[1]:
                place = next(i for i, (_, other) in enumerate(free) if other == type_)
                order.append(free.pop(place)[0])
            pieces = (_pieces(sides[0]), _pieces(sides[1]))
            own = tuple(range(len(types[0])))
            found.append(_Template(len(sides[0].text.split()), tuple(types[0]), pieces, (own, tuple(order))))
    return sorted(found, key=lambda template: template.words)


def _known(sentence: Sentence) -> Sentence:
    return Sentence(sentence.text, [entity for entity in sentence.entities if entity.type in TYPES])


def _pieces(sentence: Sentence) -> tuple[str, ...]:
    bounds = [0, *(place for entity in sentence.entities for place in entity.span), len(sentence.text)]
    return tuple(sentence.text[start:end] for start, end in zip(bounds[::2], bounds[1::2], strict=True))


def made_up_pairs(count: int) -> Iterator[MadeUpPair]:
    """So many pairs, the same ones each time."""
    templates = _templates()
    lengths = np.array([template.words for template in templates])
    for block in range(-(-count // BLOCK)):
        chance = np.random.default_rng([1, block])
        yield from _block(templates, lengths, chance, block, min(BLOCK, count - block * BLOCK))


def _block(
    templates: list[_Template], lengths: np.ndarray, chance: np.random.Generator, block: int, count: int
) -> Iterator[MadeUpPair]:
    drawn = np.minimum(_MEDIAN_WORDS * np.exp(_SPREAD * chance.standard_normal(BLOCK)), _MOST_WORDS).astype(int)
    repeated = chance.random(BLOCK) < _REPEATED
    ranks = iter(chance.zipf(_ZIPF, BLOCK * 40).tolist())
    choices = iter(chance.random(BLOCK * 40).tolist())
    pair = None
    for number in range(count):
        if pair is None or not repeated[number]:
            pair = _pair(templates, lengths, int(drawn[number]), ranks, choices, block * BLOCK + number)
        yield pair


def _pair(
    templates: list[_Template],
    lengths: np.ndarray,
    words: int,
    ranks: Iterator[int],
    choices: Iterator[float],
    number: int,
) -> MadeUpPair:
    texts, spans = ["", ""], [[], []]
    types: list[str] = []
    while not texts[0] or words > 0:
        # Of those that are short enough, or the shortest ones.
        fitting = max(int(np.searchsorted(lengths, words, side="right")), 3)
        if texts[0] and words < lengths[0]:
            break
        template = templates[int(next(choices) * fitting)]
        names = [name_of(type_, next(ranks) % (1 << 40)) for type_ in template.types]
        for side in (0, 1):
            text, found = texts[side], {}
            text += " " if text else ""
            for place, piece in zip((*template.order[side], None), template.pieces[side], strict=True):
                text += piece
                if place is not None:
                    found[place] = Span(len(text), len(text) + len(names[place][side]))
                    text += names[place][side]
            texts[side] = text
            spans[side] += [found[place] for place in range(len(names))]
        types += template.types
        words -= template.words
    source, target = (f"{text} ({number})" for text in texts)
    return MadeUpPair(source, target, tuple(map(Name, types, *spans)))


def write_text(folder: Path, pairs: Iterator[MadeUpPair], lines: int = 100 * BLOCK) -> int:
    """Writes pairs as line-aligned files, `web<number>.<language>`, of so many lines each; returns how many.

    These are whole blocks.

    A folder that is there already is left as it is, for it is renamed when it is whole.
    """
    aside = folder.with_name(f"{folder.name}.partial")
    aside.mkdir(parents=True, exist_ok=True)
    written = 0
    while part := list(itertools.islice(pairs, BLOCK)):
        for language, texts in ((SOURCE, [p.source for p in part]), (TARGET, [p.target for p in part])):
            mode = "w" if written % lines == 0 else "a"
            with open(aside / f"web{written // lines}.{language}", mode, encoding="utf-8") as file:
                file.writelines(f"{text}\n" for text in texts)
        written += len(part)
    aside.rename(folder)
    return written


def label_row(pair: MadeUpPair) -> dict[str, Any]:
    """What a projection might have written of a pair: most names found, with confidences that differ."""
    values = np.frombuffer(bytes.fromhex(pair.id), dtype=np.uint8) / 255
    entities, mentions = [], []
    for place, name in enumerate(pair.names):
        value = float(values[place % len(values)])
        found = value >= _UNTRANSLATED
        entities.append(
            {
                "type": name.type,
                "source_start": name.source.start,
                "source_end": name.source.end,
                "target_start": name.target.start if found else None,
                "target_end": name.target.end if found else None,
                "tagger_confidence": 0.5 + value / 2,
                "aligner_confidence": 0.5 + value / 2,
                "status": "projected" if found else "unknown",
                "reason": None if found else "no counterpart",
            }
        )
        if found and value < 0.8:
            start, end = name.target
            mentions.append({"type": name.type, "start": start, "end": end, "confidence": value})
    texts = {"pair_id": pair.id, "source_text": pair.source, "target_text": pair.target}
    return texts | {"entities": entities, "mentions": mentions, "quarantine": None}
