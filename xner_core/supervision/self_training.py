"""An aligner's own links as further examples, where it finds them from both sides."""

from collections.abc import Sequence
from dataclasses import replace

from xner_core.alignment.query import AlignmentQuery
from xner_core.alignment.trained import TrainedAligner
from xner_core.supervision.examples import Example

# The origin of such links.
SELF_TRAINING = "self-training"
# A link that the aligner finds from both sides is believed from this confidence on.
_RELABELLED = 0.8


def relabel(aligner: TrainedAligner, examples: Sequence[Example]) -> list[Example]:
    """Takes up links that the signals could not agree on, where the aligner finds them from both sides.

    A link is found if the span that the aligner finds for the source span leads back to that.
    """
    doubtful = [example for example in examples if not all(link.agreed for link in example.links)]
    relabelled = dict(zip(map(id, doubtful), _relabel(aligner, doubtful), strict=True))
    return [relabelled.get(id(example), example) for example in examples]


def _relabel(aligner: TrainedAligner, examples: Sequence[Example]) -> list[Example]:
    forward = aligner.align(
        [
            AlignmentQuery(example.source_text, example.target_text, tuple(link.source for link in example.links))
            for example in examples
        ]
    )
    back = aligner.align(
        [
            AlignmentQuery(example.target_text, example.source_text, tuple(a.target for a in found if a.target))
            for example, found in zip(examples, forward, strict=True)
        ]
    )
    relabelled = []
    for example, found, returned in zip(examples, forward, back, strict=True):
        answers, links = iter(returned), []
        for link, alignment in zip(example.links, found, strict=True):
            home = next(answers) if alignment.target else None
            if not link.agreed and home is not None and home.target == link.source:
                confidence = min(alignment.confidence, home.confidence)
                if confidence >= _RELABELLED:
                    link = replace(
                        link, target=alignment.target, agreed=True, confidence=confidence, origins=(SELF_TRAINING,)
                    )
            links.append(link)
        relabelled.append(replace(example, links=tuple(links)))
    return relabelled
