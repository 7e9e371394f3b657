"""Sentences annotated by hand, in one language or in two, and how far the two agree."""

import json
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xner_core.errors import XnerError
from xner_core.evaluation.conll import read_conll
from xner_core.evaluation.lines import read_lines
from xner_core.evaluation.schemes import OUTSIDE, as_iob2
from xner_core.text.languages import choose_language, did_you_mean, is_unspaced_language
from xner_core.text.spans import Entity, Span, entities_of_tags, join_tokens, locate_tokens
from xner_core.text.words import is_unspaced

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class GoldSentence:
    """A sentence annotated by hand: its text, its tokens' spans in it, and their IOB2 tags."""

    text: str
    tokens: list[Span]
    tags: list[str]

    def entities(self) -> list[Entity]:
        """Its entities, by code points of its text."""
        return entities_of_tags(self.tags, self.tokens)

    def of_types(self, types: Collection[str]) -> "GoldSentence":
        """The sentence with all other types as O."""
        return replace(self, tags=[tag if tag[2:] in types else "O" for tag in self.tags])


# The two sides of a sentence, source and target.
GoldPair = tuple[GoldSentence, GoldSentence]


def count_f1(pairs: Sequence[GoldPair]) -> float:
    """F1 of the typed entity counts of the two sides, as if each entity of a type were any other of it.

    It says how far the two sides agree on what to mark. A projection mostly stays below it, but may pass it: it gains
    by leaving out an entity that only the source side marks.
    """
    shared = total = 0
    for source, target in pairs:
        counts = [Counter(entity.type for entity in side.entities()) for side in (source, target)]
        shared += (counts[0] & counts[1]).total()
        total += counts[0].total() + counts[1].total()
    return 2 * shared / total if total else 0.0


def marked_types(sentences: Iterable[GoldSentence]) -> set[str]:
    """The entity types of some sentences."""
    return {tag[2:] for sentence in sentences for tag in sentence.tags if tag != OUTSIDE}


def read_gold(path: str | Path, source: str, target: str) -> list[GoldPair]:
    """The two sides of each sentence in a gold file.

    Raises:
        XnerError: no such file, a damaged one, a line that is not as it should be, or sides without a common type.
    """
    pairs = _read_rows(path, source, target)
    marked = [marked_types(side) for side in zip(*pairs, strict=True)]
    if all(marked) and marked[0].isdisjoint(marked[1]):
        of_source, of_target = (", ".join(sorted(types)) for types in marked)
        raise XnerError(
            f"{path}: {source} marks {of_source}, and {target} marks {of_target}: give both sides the same types"
        )
    return [(one, other) for one, other in pairs]


def read_sentences(path: str | Path, language: str | None = None) -> list[GoldSentence]:
    """The sentences of one language in a CoNLL file or in JSON lines, `.jsonl` (see `read_gold`), both also compressed.

    Args:
        path: the file
        language: which side of JSON lines; not needed for CoNLL, whose tokens are joined as the script of the whole
            file is written

    Raises:
        XnerError: no such file, a damaged one, a line that is not as it should be, or no sentence at all.
    """
    if Path(path).name.removesuffix(".gz").removesuffix(".xz").endswith(".jsonl"):
        if language is None:
            raise XnerError(f"{path}: JSON lines may hold several languages; name the one to read (language)")
        return [side for (side,) in _read_rows(path, language)]
    sentences = read_conll(path)
    if not sentences:
        raise XnerError(f"{path}: holds no sentence")
    spaced = not is_unspaced("".join(token for sentence in sentences for token in sentence.tokens))
    return [GoldSentence(*join_tokens(sentence.tokens, spaced), sentence.tags) for sentence in sentences]


def _read_rows(path: str | Path, *languages: str) -> list[tuple[GoldSentence, ...]]:
    """The sides in these languages of each sentence."""
    rows = []
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError("not a JSON object")
            rows.append(tuple(_side(row, language, f"{path}:{number}") for language in languages))
        except RecursionError as error:
            raise XnerError(f"{path}:{number}: JSON that is nested too deeply") from error
        except ValueError as error:
            raise XnerError(f"{path}:{number}: {error}") from error
    if not rows:
        raise XnerError(f"{path}: holds no sentence")
    return rows


def _side(row: dict[str, Any], language: str, where: str) -> GoldSentence:
    languages = sorted(key for key, value in row.items() if isinstance(value, dict) or key == language)
    key = choose_language(language, languages)
    if key is None:
        raise ValueError(_no_side(language, languages))
    side = row[key]
    if not isinstance(side, dict) or not all(_are_strings(side.get(key)) for key in ("tokens", "tags")):
        raise ValueError(f"side {language!r} needs lists of strings, tokens and tags")
    tokens, tags, text = side["tokens"], side["tags"], side.get("text")
    if len(tokens) != len(tags):
        raise ValueError(f"side {language!r} has {len(tokens)} tokens, but {len(tags)} tags")
    try:
        tags = as_iob2(tags)
    except ValueError as error:
        raise ValueError(f"side {language!r}: {error}") from error
    if text is None:
        return GoldSentence(*join_tokens(tokens, not is_unspaced_language(key)), tags)
    if not isinstance(text, str):
        raise ValueError(f"side {language!r}: text is not a string")
    try:
        return GoldSentence(text, locate_tokens(text, tokens), tags)
    except ValueError:
        logger.warning("%s: text of side %r does not hold its tokens in order; they are joined", where, language)
        return GoldSentence(*join_tokens(tokens, not is_unspaced_language(key)), tags)


def _no_side(language: str, sides: Sequence[str]) -> str:
    if not sides:
        return f'no side {language!r}; there are none, as in {{"{language}": {{"tokens": […], "tags": […]}}}}'
    return f"no side {language!r}; there are {', '.join(sorted(sides))}{did_you_mean(language, sides)}"


def _are_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
