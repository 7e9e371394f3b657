"""The model cards of aligners, trained and fitted."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from huggingface_hub import ModelCard, ModelCardData

from xner_core.alignment.recipe import AlignerRecipe, TrainedRecipe
from xner_core.supervision.aligner_training_settings import AlignerFitting, AlignerTrainingSettings
from xner_core.supervision.aligner_trials import Trial
from xner_core.supervision.examples import Example

_TRAINED = """---
{{ card_data }}
---

# An aligner for {{ directions }}

Finds the counterparts of English entities in a translation, or says that they are not there; kind `{{ kind }}`, the
lowest {{ layers }} layers of `{{ encoder }}` with a low-rank adapter. Use it as
`--aligner.model {{ out }}` (xner project, xner evaluate projection).

- Command: `xner train-aligner train {{ command }} --out {{ out }}`
- Data: links between names on which weak signals agree, and in later rounds links that the aligner found from both
  sides; no human labels

| target | pairs | links | domains |
|---|---|---|---|
{% for row in data -%}
| {{ row | join(" | ") }} |
{% endfor %}
Of {{ last.held_out_links }} links that were held out, {{ exact }} are found exactly. An entity that is there
with a probability under {{ min_presence }} counts as not there: so do {{ last.absent_found }} of
{{ last.absent_links }} names whose counterparts were cut out, and {{ last.lost }} of those that are there.
"""

_FITTED = """---
{{ card_data }}
---

# An aligner for {{ source }}-{{ target }}, fitted to {{ encoder }}

Finds the counterparts of entities by the similarity of hidden states; holds constants only, no weights.
Use it as `--aligner.model {{ out }}` (xner project, xner evaluate projection).

- Encoder: `{{ encoder }}`, digest `{{ encoder_digest }}`, hidden layer {{ layer }}
- Data: {{ names }} names of the corpus `{{ corpus }}`, domains {{ domains }}; no human labels
- Command: `xner train-aligner fit {{ command }} --out {{ out }}`

Shares of these names aligned exactly: {{ copied }} as they are, {{ renamed }} with another name in their
place on the source side. Names cut out of the target side scored lower than names that were there in
{{ told_apart }} of the comparisons; an entity with a confidence under {{ min_confidence }} counts as not there.
`aligner.json` holds the figures of all layers and temperatures.
"""


def trained_aligner_card(
    settings: AlignerTrainingSettings,
    recipe: TrainedRecipe,
    rounds: Sequence[dict[str, Any]],
    examples: Sequence[Example],
) -> str:
    """The README of a trained aligner: its command, its data, and its figures on links that were held out.

    Args:
        settings: what it was trained on, and how
        recipe: what came out
        rounds: figures of each round
        examples: of the last round
    """
    languages = sorted({example.language for example in examples})
    by_language = {
        language: [example for example in examples if example.language == language] for language in languages
    }
    return _card(
        _TRAINED,
        ["en", *languages],
        directions=", ".join(f"en-{language}" for language in languages),
        kind=recipe.kind,
        layers=recipe.layers,
        encoder=settings.encoder,
        out=settings.out,
        command=_flags(asdict(settings) | {"layers": recipe.layers}, "out"),
        data=[
            (
                language,
                len(pairs),
                sum(link.agreed for pair in pairs for link in pair.links),
                ", ".join(sorted({pair.domain for pair in pairs})),
            )
            for language, pairs in by_language.items()
        ],
        last=rounds[-1],
        exact=f"{rounds[-1]['exact']:.1%}",
        min_presence=recipe.min_presence,
    )


def fitted_aligner_card(settings: AlignerFitting, recipe: AlignerRecipe, best: Trial, evidence: dict[str, Any]) -> str:
    """The README of a fitted aligner: its command, its data, and how it answers the probes.

    Args:
        settings: what it was fitted to
        recipe: what came out
        best: the trial of that recipe
        evidence: what the recipe's file holds beside it
    """
    return _card(
        _FITTED,
        [evidence["source"], evidence["target"]],
        **{name: evidence[name] for name in ("source", "target", "encoder_digest", "names")},
        encoder=settings.encoder,
        out=settings.out,
        corpus=settings.corpus,
        layer=recipe.layer,
        domains=", ".join(f"{domain} ({shards} shards)" for domain, shards in evidence["domains"].items()),
        command=_flags(asdict(settings), "batch_tokens", "out"),
        **{name: f"{getattr(best, name):.3f}" for name in ("copied", "renamed", "told_apart")},
        min_confidence=recipe.min_confidence,
    )


def _card(template: str, languages: Sequence[str], **values: Any) -> str:
    data = ModelCardData(language=list(languages), library_name="xner", tags=["word-alignment"])
    # The template loses its last line break.
    return f"{ModelCard.from_template(data, template_str=template, **values)}\n"


def _flags(values: dict[str, Any], *without: str) -> str:
    return " ".join(f"--{name} {value}" for name, value in values.items() if name not in without)
