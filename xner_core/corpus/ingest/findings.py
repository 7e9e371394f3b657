"""What an ingest has to say of its sources beyond counts: malformed lines, and sources that give little or nothing."""

from collections.abc import Iterator, Sequence
from itertools import islice

import pyarrow.compute as pc

from xner_core.corpus.cleaning import (
    DUPLICATE,
    MALFORMED,
    WRONG_SOURCE_LANGUAGE,
    WRONG_TARGET_LANGUAGE,
    Cleaner,
)
from xner_core.corpus.ingest.indexed_source import IndexedSource
from xner_core.corpus.readers import RawPair
from xner_core.errors import XnerError
from xner_core.text.normal_form import normal_form

# Enough to tell the languages of a source's sides by.
PROBED_PAIRS = 500
NAMED_FAULTS = 10
MOSTLY_REJECTED = 0.9
_WRONG_LANGUAGE = (WRONG_SOURCE_LANGUAGE, WRONG_TARGET_LANGUAGE)


def is_mirrored(pairs: Sequence[RawPair], cleaner: Cleaner) -> bool:
    """Whether the texts of a source are in each other's languages.

    That is so if more pairs break the rule on languages as they are and keep it the other way round than the reverse.
    Pairs of which the identifier is sure of neither, as of short ones, or breaks both ways, say nothing.
    """
    votes = 0
    for pair in pairs:
        if pair.fault is None:
            wrong, wrong_if_turned = (_breaks_language_rule(each, cleaner) for each in (pair, pair.turned()))
            votes += int(wrong) - int(wrong_if_turned)
    return votes > 0


def _breaks_language_rule(pair: RawPair, cleaner: Cleaner) -> bool:
    texts = (pair.source_text, pair.target_text)
    return cleaner.reason(texts, (normal_form(texts[0]), normal_form(texts[1]))) in _WRONG_LANGUAGE


def require_few_malformed(corpus: str, sources: Sequence[IndexedSource], limit: float) -> list[str]:
    """Warns of malformed lines, if there are any.

    Args:
        corpus: what was read, for the error
        sources: all that was read
        limit: the largest share of all lines that may be malformed

    Raises:
        XnerError: more are; names the first ten, each with file, line and what is wrong with it.
    """
    lines = sum(source.pairs for source in sources)
    malformed = sum(source.reasons[MALFORMED] for source in sources)
    if malformed > limit * lines:
        faults = _first_faults(sources, NAMED_FAULTS)
        advice = "convert the file to UTF-8, for example with iconv" if "not UTF-8" in faults else "mend or remove them"
        raise XnerError(
            f"{corpus}: {malformed:,} of {lines:,} lines are malformed, more than the share of {limit:g} that "
            f"malformed_limit allows: {faults}; {advice}"
        )
    if malformed:
        return [f"{malformed:,} of {lines:,} lines are malformed, and rejected; the first: {_first_faults(sources, 1)}"]
    return []


def _first_faults(sources: Sequence[IndexedSource], most: int) -> str:
    return "; ".join(islice((fault for source in sources for fault in _faults(source)), most))


def _faults(source: IndexedSource) -> Iterator[str]:
    if source.reasons[MALFORMED]:
        for batch in source.read(["fault"]):
            yield from pc.drop_null(batch["fault"]).to_pylist()


def source_warnings(source: IndexedSource, languages: tuple[str, str]) -> Iterator[str]:
    """What is strange about a source, of which all pairs were read and it is known which are kept.

    Args:
        source: the source
        languages: of the source and target texts
    """
    pair = " and ".join(languages)
    if source.pairs == 0:
        yield f"{source.name}: gives no pair of {pair}"
        return
    if source.turned:
        yield f"{source.name}: its sides are not {pair}, as its name or format says, but the other way round; read so"
    rejected = source.pairs - source.kept.total()
    reasons = source.reasons.copy()
    reasons[DUPLICATE] = rejected - reasons.total()
    wrong = sum(reasons[reason] for reason in _WRONG_LANGUAGE)
    if 2 * wrong > source.pairs:
        yield f"{source.name}: {wrong:,} of {source.pairs:,} pairs are rejected as of other languages than {pair}"
    elif rejected >= MOSTLY_REJECTED * source.pairs:
        (reason, count), *_ = reasons.most_common(1)
        yield f"{source.name}: {rejected:,} of {source.pairs:,} pairs are rejected, {count:,} of them as {reason}"
