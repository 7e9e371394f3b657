"""What the parts of the aligner are worth: decoding without one of its rules, weak signals without one of them.

python benchmarks/aligner_ablations.py decoding --aligner starter --gold gold.jsonl.gz --target de
python benchmarks/aligner_ablations.py signals --corpus corpora/en-de --lexicons '[places.en-de.tsv.gz]' \
    --gold gold.jsonl.gz --target de

Gold files are those of xner evaluate, and only compared with.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
from jsonargparse.typing import NonNegativeInt, PositiveInt

from xner_core.alignment.aligner import Aligner
from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.alignment.preparation import PreparedQueries
from xner_core.alignment.query import Alignment, AlignmentQuery
from xner_core.alignment.trained import PreparedRows
from xner_core.cli.job import Command, Job, run_job
from xner_core.corpus.layout import open_corpus
from xner_core.errors import XnerError
from xner_core.evaluation.figures import projection_figures
from xner_core.evaluation.gold import GoldPair, read_gold
from xner_core.evaluation.text_table import text_table
from xner_core.models.model_settings import STARTER
from xner_core.storage.files import locate
from xner_core.supervision.example_building import SOURCE
from xner_core.supervision.examples import Link
from xner_core.supervision.labelling import VotedPair, label
from xner_core.supervision.lexicon import Lexicon, lexicon_language
from xner_core.supervision.names import Name
from xner_core.supervision.polling import Poll
from xner_core.supervision.sampling import SampledPair, Sampler
from xner_core.supervision.worded_text import WordedText
from xner_core.tagging.tagger import Tagger
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.text.spans import Entity

logger = logging.getLogger(__name__)

_GOLD = "gold"
# Pairs with more words on a side are not sampled.
_LONGEST = 100


@dataclass(frozen=True)
class DecodingAblation:
    """Which aligner is ablated, on what.

    Args:
        gold: hand-annotated sentence pairs, in the JSON lines of xner evaluate
        target: language that entities are projected into
        source: language that they come from
        aligner: the aligner
    """

    gold: str
    target: str
    source: str = "en"
    aligner: AlignerSettings = field(default_factory=AlignerSettings)


def ablate_decoding(settings: DecodingAblation) -> dict[str, Any]:
    """Scores an aligner as it is, and without the parts of its decoding, one at a time.

    `joint assignment`: each entity takes its own best span, whatever the others take. `null`: no best span is too
    unlikely, so that only entities without any free span are null.
    `span rules`: a span may begin and end with any word, and hold any; only its length is limited. The encoder reads
    the pairs once for all.
    """
    pairs = read_gold(settings.gold, settings.source, settings.target)
    entities = [source.entities() for source, _ in pairs]
    aligner = settings.aligner.load()
    never_null = replace(settings.aligner, min_confidence=0.0).load()
    read = _reader(aligner)
    variants = {
        "as it is": AblatedAligner(read, aligner),
        "without joint assignment": AblatedAligner(read, aligner, without_assignment),
        "without null": AblatedAligner(read, never_null, without_derived_words),
        "without the rule for derived words": AblatedAligner(read, aligner, without_derived_words),
        "without span rules": AblatedAligner(read, aligner, without_span_rules),
    }
    rows = []
    for name, variant in variants.items():
        figures = projection_figures(variant, pairs, entities, warm_up=0)
        rows.append(
            {"decoding": name}
            | {key: figures[key] for key in ("f1", "share_of_count_f1", "share_null")}
            | {key: figures["null"][key] for key in ("removed_null", "aligned_null")}
        )
    logger.info("%s, %d pairs:\n%s", settings.aligner.model, len(pairs), as_table(rows))
    shared = {"gold": settings.gold, "source": settings.source, "target": settings.target}
    return {"status": "done", **shared, "aligner": settings.aligner.model, "rows": rows}


# Takes queries through an aligner's `prepare` and `compute`.
Reader = Callable[[tuple[AlignmentQuery, ...]], tuple[Any, Any]]


def _reader(aligner: Aligner) -> Reader:
    @cache
    def read(queries: tuple[AlignmentQuery, ...]) -> tuple[Any, Any]:
        prepared = aligner.prepare(queries)
        return prepared, aligner.compute(prepared)

    return read


@dataclass(frozen=True)
class AblatedAligner:
    """An aligner that decodes something else than it has read; an `EntityAligner`.

    Attributes:
        read: the first two steps
        aligner: whose last step follows
        alter: what comes between: changes the entities and their rules
    """

    read: Reader
    aligner: Aligner
    alter: Callable[[PreparedQueries], PreparedQueries] = lambda prepared: prepared

    def align(self, queries: Sequence[AlignmentQuery]) -> list[list[Alignment]]:
        """As `Aligner.align`, with what was altered."""
        prepared, computed = self.read(tuple(queries))
        if isinstance(prepared, PreparedRows):
            altered = replace(prepared, queries=self.alter(prepared.queries))
        else:
            altered = self.alter(prepared)
        return self.aligner.finish(altered, computed)


def without_assignment(prepared: PreparedQueries) -> PreparedQueries:
    """All source spans are the same, and where source spans overlap target spans may."""
    return replace(prepared, entity_spans=np.tile([0, 1], (len(prepared.entity_spans), 1)))


def without_derived_words(prepared: PreparedQueries) -> PreparedQueries:
    """A lower-case word may be the counterpart of any name."""
    return replace(prepared, cased_names=np.zeros_like(prepared.cased_names))


def without_span_rules(prepared: PreparedQueries) -> PreparedQueries:
    """Words of all kinds are allowed, at the edges and inside."""
    return replace(
        prepared,
        edge_kinds=np.ones_like(prepared.edge_kinds),
        forbidden_kinds=np.zeros_like(prepared.forbidden_kinds),
    )


@dataclass
class SignalAblation:
    """Whose votes are ablated, and on what.

    Args:
        corpus: folder of an ingested corpus of English and the target language, local or s3://
        gold: hand-annotated sentence pairs, in the JSON lines of xner evaluate
        target: the other language
        lexicons: lists of names, as for xner train-aligner; those of other languages are left out
        pairs: pairs of the corpus that are voted on together with the gold ones
        tagger: finds the names of the corpus
        encoder: whose hidden states are compared: a Hugging Face encoder, a local folder, or `starter`
        seed: of the choice of pairs
    """

    corpus: str
    gold: str
    target: str
    lexicons: list[str] = field(default_factory=list)
    pairs: PositiveInt = 300
    tagger: TaggerSettings = field(default_factory=TaggerSettings)
    encoder: str = STARTER
    seed: NonNegativeInt = 1


def ablate_signals(settings: SignalAblation) -> dict[str, Any]:
    """Polls the weak signals on the gold entities of English sentences, and votes anew without each of them.

    Signals are polled once: those that build on similarity still vote where it is left out. `names` counts the gold
    entities that are names as the signals see them: with a capital, no symbols at the edges, and not too frequent.
    `agreed` is the share of them whose span is agreed on, `agreed_right` the share of these spans that are a gold
    entity of the same type. Nothing is agreed on by one family alone: `found` is the share of names with any span, and
    `found_right` judges the best span, agreed or not. All are judged only where both sides have equally many entities
    of the type.
    """
    corpus = open_corpus(locate(settings.corpus))
    if (corpus.source, corpus.target) != (SOURCE, settings.target):
        raise XnerError(
            f"{settings.corpus}: a corpus of {corpus.source}-{corpus.target}; "
            f"the signals need one of {SOURCE}-{settings.target}"
        )
    gold = read_gold(settings.gold, SOURCE, settings.target)
    sample = [
        SampledPair(str(number), _GOLD, WordedText.of(source.text), WordedText.of(target.text))
        for number, (source, target) in enumerate(gold)
    ]
    sample += Sampler(settings.pairs, _LONGEST, settings.seed).sample(corpus)
    lexicon = Lexicon.read(path for path in settings.lexicons if lexicon_language(path) == settings.target)
    poll = GoldPoll(settings.tagger, settings.encoder, gold)
    voted = poll.take(corpus, sample, lexicon, settings.seed)
    families = poll.families(settings.target)
    rows = []
    for name, kept in _choices(families):
        judged = list(_links_of_gold(voted, {signal: families[signal] for signal in kept}, gold))
        rows.append({"signals": name, **link_figures(judged)})
    logger.info("%s, %d pairs:\n%s", settings.target, len(gold), as_table(rows))
    shared = {"gold": settings.gold, "source": SOURCE, "target": settings.target, "corpus": settings.corpus}
    return {"status": "done", **shared, "rows": rows}


class GoldPoll(Poll):
    """A poll on the gold entities of gold sentences; in all others, a tagger finds the names."""

    def __init__(self, tagger: TaggerSettings, encoder: str, gold: Sequence[GoldPair]) -> None:
        super().__init__(tagger, encoder)
        known = {source.text: source.entities() for source, _ in gold}
        # A poll asks no more of a tagger.
        self._tagger = _GoldTagger(self._tagger, known)  # pyrefly: ignore[bad-assignment]


@dataclass(frozen=True)
class _GoldTagger:
    tagger: Tagger
    known: Mapping[str, list[Entity]]

    def tag(self, texts: Sequence[str]) -> list[list[Entity]]:
        return [self.known.get(text, found) for text, found in zip(texts, self.tagger.tag(texts), strict=True)]


def _choices(families: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """The signals that vote each time: all; all but one, or but those of a family; those of one family."""
    members = {family: [signal for signal in families if families[signal] == family] for family in families.values()}
    titles = {family: f"{family} family" if len(own) > 1 else family for family, own in members.items()}
    yield "all", list(families)
    for family, own in members.items():
        yield f"without {titles[family]}", [signal for signal in families if signal not in own]
        if len(own) > 1:
            for left_out in own:
                yield f"without {left_out}", [signal for signal in families if signal != left_out]
    for family, own in members.items():
        yield f"{titles[family]} alone", own


def _links_of_gold(
    voted: Sequence[VotedPair], families: Mapping[str, str], gold: Sequence[GoldPair]
) -> Iterator[tuple[Link, bool | None]]:
    """The links of gold entities by the votes of some signals, and whether each is right, None if it is not judged."""
    voted = [
        replace(pair, votes=tuple({s: span for s, span in votes.items() if s in families} for votes in pair.votes))
        for pair in voted
    ]
    _, links = label(voted, families)
    for pair, found in zip(voted, links, strict=True):
        if pair.pair.domain == _GOLD:
            source, target = (side.entities() for side in gold[int(pair.pair.pair_id)])
            even = _types_in_equal_numbers(source, target)
            known = {Name(entity.span, entity.type) for entity in source}
            right = {Name(entity.span, entity.type) for entity in target}
            for name, link in zip(pair.names, found, strict=True):
                if name in known:
                    judged = link.target if name.type in even else None
                    yield link, None if judged is None else Name(judged, name.type) in right


def _types_in_equal_numbers(source: Sequence[Entity], target: Sequence[Entity]) -> set[str]:
    counts = [Counter(entity.type for entity in side) for side in (source, target)]
    return {type_ for type_, count in counts[0].items() if count == counts[1][type_]}


def link_figures(links: Sequence[tuple[Link, bool | None]]) -> dict[str, Any]:
    """What of links is found and agreed, and the share of right ones among those that are judged."""
    found = [(link, right) for link, right in links if link.target is not None]
    agreed = [(link, right) for link, right in found if link.agreed]
    return {
        "names": len(links),
        "agreed": len(agreed) / len(links) if links else None,
        "agreed_right": _share_right(agreed),
        "found": len(found) / len(links) if links else None,
        "found_right": _share_right(found),
    }


def _share_right(links: Sequence[tuple[Link, bool | None]]) -> float | None:
    judged = [right for _, right in links if right is not None]
    return sum(judged) / len(judged) if judged else None


def as_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of equal keys, as lines for people to read; shares in percent."""
    header = [name.replace("_", " ") for name in rows[0]]
    return text_table(header, [[_cell(value) for value in row.values()] for row in rows])


def _cell(value: str | int | float | None) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.1f}" if isinstance(value, float) else str(value)


JOB = Job(
    __doc__,
    {
        "decoding": Command(DecodingAblation, ablate_decoding, ablate_decoding.__doc__ or ""),
        "signals": Command(SignalAblation, ablate_signals, ablate_signals.__doc__ or ""),
    },
)

if __name__ == "__main__":
    run_job(JOB)
