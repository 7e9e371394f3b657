"""The sentences that decide which checkpoint of a student is kept, from a CoNLL file."""

from collections.abc import Sequence

from xner_core.errors import XnerError
from xner_core.evaluation.entity_types import did_you_mean
from xner_core.evaluation.gold import read_sentences
from xner_core.training.features import AnnotatedText


def read_dev(path: str, types: Sequence[str], strict: bool) -> list[AnnotatedText]:
    """The sentences of a CoNLL file of the target language; types that it never marks are left open.

    Args:
        path: the file
        types: entity types to keep
        strict: refuse other types, rather than take them as O

    Raises:
        XnerError: the file marks another type although `strict`, or none of the types.
    """
    sentences = read_sentences(path)
    marked = {tag[2:] for sentence in sentences for tag in sentence.tags if tag != "O"}
    unknown = sorted(marked - set(types))
    if strict and unknown:
        raise XnerError(
            f"{path}: marks {', '.join(unknown)}, which the student does not learn; set types to "
            f"{','.join(sorted(types))} to take other types as O, or to more types{did_you_mean(unknown, types)}"
        )
    if not marked & set(types):
        raise XnerError(
            f"{path}: marks none of the types {', '.join(types)}, only {', '.join(unknown) or 'O'}"
            f"{did_you_mean(unknown, types)}"
        )
    missed = frozenset(types) - marked
    return [AnnotatedText(sentence.text, sentence.of_types(types).entities(), missed=missed) for sentence in sentences]
