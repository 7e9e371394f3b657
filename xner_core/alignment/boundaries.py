"""Where a target span may begin and end, and what it may hold: the same few rules for all languages."""

from collections.abc import Sequence
from functools import lru_cache

KINDS = 5
ORDINARY, PARTICLE, SYMBOL, SEPARATOR, BRACKET = range(KINDS)

_BRACKETS = frozenset("()[]{}<>（）【】《》〈〉「」『』")
_SEPARATORS = frozenset(',;:!?¡¿"،؛؟，、；：！？。…“”„«»|')
_PARTICLE_LETTERS = 3


@lru_cache(maxsize=1 << 16)
def word_kind(word: str) -> int:
    """The kind of a word: an ordinary one, a short lower-case one (articles, prepositions), or a symbol.

    Symbols are those that join parts of a name, those that separate clauses and items, and brackets.
    """
    if any(character.isalnum() for character in word):
        return PARTICLE if len(word) <= _PARTICLE_LETTERS and word.islower() else ORDINARY
    if _BRACKETS.intersection(word):
        return BRACKET
    return SEPARATOR if _SEPARATORS.issuperset(word) else SYMBOL


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
