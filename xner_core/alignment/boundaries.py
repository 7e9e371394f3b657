"""Where a target span may begin and end, and what it may hold: the same few rules for all languages."""

from collections.abc import Sequence
from functools import lru_cache

from xner_core.text.words import is_lower_case, is_word

KINDS = 5
ORDINARY, PARTICLE, SYMBOL, SEPARATOR, BRACKET = range(KINDS)

_BRACKETS = frozenset("()[]{}<>（）【】《》〈〉「」『』")
_SEPARATORS = frozenset(',;:!?¡¿"،؛؟，、；：！？。…“”„«»|')
_PARTICLE_LETTERS = 3
# CoNLL's, and OntoNotes' for nationalities and religious or political groups.
_ADJECTIVAL_TYPES = frozenset({"MISC", "NORP"})


@lru_cache(maxsize=1 << 16)
def word_kind(word: str) -> int:
    """The kind of a word: an ordinary one, a short lower-case one (articles, prepositions), or a symbol.

    Symbols are those that join parts of a name, those that separate clauses and items, and brackets.
    """
    if is_word(word):
        letters = sum(map(str.isalnum, word))
        return PARTICLE if letters <= _PARTICLE_LETTERS and is_lower_case(word) else ORDINARY
    if _BRACKETS.intersection(word):
        return BRACKET
    return SEPARATOR if _SEPARATORS.issuperset(word) else SYMBOL


def is_cased_name(source_span: str, type_: str | None) -> bool:
    """Whether a lower-case word in its place can only be derived from this name, as "britisch" is from "UK".

    Such a word is no place, person or organisation by the guidelines of CoNLL and of Universal NER. Types that take in
    adjectives, and unknown ones, are left alone.
    """
    return type_ is not None and type_ not in _ADJECTIVAL_TYPES and source_span != source_span.lower()


def forbidden_kinds(source_kinds: Sequence[int]) -> list[bool]:
    """For each kind, whether a counterpart of a span of words of these kinds may not hold such words.

    A counterpart holds separators only if the source span does, and brackets only if that does.
    """
    forbidden = [False] * KINDS
    forbidden[BRACKET] = BRACKET not in source_kinds
    forbidden[SEPARATOR] = forbidden[BRACKET] and SEPARATOR not in source_kinds
    return forbidden


def edge_kinds(source_span: str) -> list[bool]:
    """For each kind, whether a counterpart of a source span may begin and end with such words.

    Apart from them, an edge may be the same word as that edge of the source span, as in "van Gogh".
    """
    allowed = [False] * KINDS
    allowed[ORDINARY] = True
    # In all-lower-case text, short lower-case words can be names.
    allowed[PARTICLE] = source_span == source_span.lower()
    return allowed
