"""Makes training examples for aligners from ingested corpora, with no human labels."""

import json
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from xner_core.corpus.layout import Corpus, open_corpus
from xner_core.errors import XnerError
from xner_core.models.loading import encoder_folder, model_digest
from xner_core.storage.files import Location, locate
from xner_core.storage.hashing import file_digest, fingerprint
from xner_core.storage.outputs import require_folder
from xner_core.supervision.aligner_training_settings import ExampleSettings
from xner_core.supervision.examples import Example, Link, read_metadata, write_examples
from xner_core.supervision.labelling import VotedPair, label
from xner_core.supervision.lexicon import Lexicon, lexicon_language
from xner_core.supervision.phrases import PHRASE, add_phrases
from xner_core.supervision.polling import Poll
from xner_core.supervision.sampling import Sampler
from xner_core.supervision.voting import LabelModel
from xner_core.tagging.tagger_check import check_tagger
from xner_core.text.languages import is_unspaced_language, same_language

logger = logging.getLogger(__name__)

# Raised whenever the same corpora and settings would give other examples.
VERSION = 2
SOURCE = "en"


def make_examples(settings: ExampleSettings) -> dict[str, Any]:
    """Makes training examples for aligners: names of English texts and their counterparts, where weak signals agree.

    A corpus whose examples were made before with the same settings is left alone.
    """
    require_folder("out", settings.out)
    check_tagger("tagger.model", settings.tagger.model, settings.tagger.label_map)
    corpora = [open_corpus(locate(folder)) for folder in settings.corpora]
    for folder, corpus in zip(settings.corpora, corpora, strict=True):
        if not same_language(SOURCE, corpus.source):
            raise XnerError(f"{folder}: its source language is {corpus.source!r}; examples need English, 'en'")
    lists: dict[str, list[str]] = defaultdict(list)
    for path in settings.lexicons:
        lists[lexicon_language(path)].append(path)
    listed = {corpus.target: _of_language(lists, corpus.target) for corpus in corpora}
    lexicons = {language: Lexicon.read(paths) for language, paths in listed.items()}
    shared = {
        "version": VERSION,
        "tagger": settings.tagger.fingerprint(),
        "encoder": model_digest(encoder_folder(settings.encoder)),
        "pairs": settings.pairs_per_corpus,
        "longest": settings.longest,
        "seed": settings.seed,
    }
    made: list[dict[str, Any]] = []
    poll: Poll | None = None
    for corpus in corpora:
        digests = sorted(file_digest(Path(path)) for path in listed[corpus.target])
        shards = [[shard.domain, shard.name] for shard in corpus.shards]
        identity = fingerprint(stage="examples", shards=shards, target=corpus.target, lexicons=digests, **shared)
        file = locate(settings.out) / f"{corpus.location.name}.parquet"
        figures = _figures_of(file, identity)
        if kept := figures is not None:
            logger.info("%s: kept, made before", file)
        else:
            if poll is None:
                poll = Poll(settings.tagger, settings.encoder)
            examples, figures = _examples_of(corpus, settings, lexicons[corpus.target], poll)
            write_examples(file, examples, {"fingerprint": identity, "figures": json.dumps(figures)})
        made.append({"file": str(file), "kept": kept, "fingerprint": identity, **figures})
    if poll is None:
        return {"status": "nothing to do", "reason": f"{settings.out}: all examples were made before", "corpora": made}
    return {"status": "done", "out": settings.out, "corpora": made}


def _of_language(lists: Mapping[str, list[str]], language: str) -> list[str]:
    """The lexicons of a language, in whatever script they name it."""
    return [path for other, paths in lists.items() if same_language(language, other) for path in paths]


def _figures_of(file: Location, identity: str) -> dict[str, Any] | None:
    """The figures of a finished file of this identity; None if it is to be made."""
    if not file.exists():
        return None
    metadata = read_metadata(file)
    return json.loads(metadata["figures"]) if metadata.get("fingerprint") == identity else None


def _examples_of(
    corpus: Corpus, settings: ExampleSettings, lexicon: Lexicon, poll: Poll
) -> tuple[list[Example], dict[str, Any]]:
    """The examples of one corpus, and figures of how they came about."""
    begun = time.monotonic()
    sample = Sampler(settings.pairs_per_corpus, settings.longest, settings.seed).sample(corpus)
    if not sample:
        raise XnerError(
            f"{corpus.location}: no pair of at most {settings.longest} words a side translates a sentence with a name; "
            "give a larger corpus, or a larger `longest`"
        )
    logger.info("%s: %d pairs of %d domains", corpus.location, len(sample), len(corpus.domains))
    voted = poll.take(corpus, sample, lexicon, settings.seed)
    model, links = label(voted, poll.families(corpus.target))
    examples = [
        Example(pair.pair.pair_id, corpus.target, pair.pair.domain, pair.pair.source.text, pair.pair.target.text, found)
        for pair, found in zip(voted, links, strict=True)
    ]
    phrases = 0
    if not is_unspaced_language(corpus.target):
        examples = add_phrases(examples, poll.similarity, Random(settings.seed))
        phrases = sum(PHRASE in link.origins for example in examples for link in example.links)
    figures = figures_of(corpus.target, links, voted, model) | {
        "phrases": phrases,
        "seconds": round(seconds := time.monotonic() - begun, 1),
        "pairs_per_second": round(len(examples) / max(seconds, 1e-9), 1),
    }
    logger.info("%s: %s", corpus.location, figures)
    return examples, figures


def figures_of(
    language: str, found: Sequence[Sequence[Link]], voted: Sequence[VotedPair], model: LabelModel
) -> dict[str, Any]:
    """What came of the names of a corpus, as plain JSON values."""
    links = [link for row in found for link in row]
    cast = Counter(signal for pair in voted for votes in pair.votes for signal in votes)
    taken = Counter(signal for link in links for signal in link.origins if link.agreed)

    def count(is_meant: Callable[[Link], bool]) -> int:
        return sum(map(is_meant, links))

    return {
        "language": language,
        "pairs": len(voted),
        "domains": dict(sorted(Counter(pair.pair.domain for pair in voted).items())),
        "names": len(links),
        "tagged": count(lambda link: link.type is not None),
        "agreed": count(lambda link: link.agreed and link.target is not None),
        "absent": count(lambda link: link.agreed and link.target is None),
        "unknown": count(lambda link: not link.agreed),
        "signals": {
            signal: {"votes": cast[signal], "agreed": taken[signal], "reliability": round(reliability, 4)}
            for signal, reliability in model.reliability.items()
        },
    }
