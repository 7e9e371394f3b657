"""The model card of a student."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, ModelCardData

from xner_core.models.windows import overlap
from xner_core.storage.plain_yaml import to_yaml
from xner_core.training.student_plan import TrainingPlan

_CARD = """---
{{ card_data }}
---

# Named entity recognition for {{ languages }}: {{ types }}

Trained by xner on labels that were projected over parallel text, without human labels of its language.
Every token has a label; the stride is for texts of more tokens than the model reads at once:
`pipeline("token-classification", model=…, aggregation_strategy="simple", stride={{ stride }})`.

- Labels: {{ labels }} (domains {{ domains }})
- Started from: {{ recipe.start }} `{{ model }}`
- Sentences: {{ result.train_sentences }}
- Entities: {{ entities }}; masked for too little confidence: {{ result.masked }}
- Sentences in which a projection failed, so that O is not sure there: {{ still_open }}
- Steps: {{ result.steps }}, the best of them by F1 kept

## Scores on {{ dev_size }} sentences: {{ dev }}

Strict entity-level scores (IOB2, seqeval).

| | precision | recall | F1 | entities |
|---|---|---|---|---|
{% for name, row in scores.items() -%}
| {{ name }} | {{ "%.4f" | format(row.precision) }} | {{ "%.4f" | format(row.recall) }} | {{ "%.4f" | format(row.f1) \
}} | {{ row.support }} |
{% endfor %}
## Settings

```yaml
{{ settings }}```
"""


def student_card(plan: TrainingPlan, result: dict[str, Any]) -> str:
    """The README of a student: its labels by fingerprint, its settings, and its scores.

    Args:
        plan: what it was trained by
        result: what `train_student` returns
    """
    recipe = plan.recipe
    languages = sorted({file.language for file in plan.files})
    settings = {name: value for name, value in asdict(recipe).items() if name not in ("dev", "model", "types")}
    card = ModelCard.from_template(
        ModelCardData(language=languages, library_name="transformers", pipeline_tag="token-classification"),
        template_str=_CARD,
        languages=", ".join(languages),
        types=", ".join(plan.types),
        stride=overlap(plan.window),
        labels=", ".join(f"`{label}`" for label in sorted({file.fingerprint for file in plan.files})),
        domains=", ".join(sorted({file.domain for file in plan.files})),
        recipe=recipe,
        model=Path(recipe.model).name if Path(recipe.model).is_dir() else recipe.model,
        result=result,
        entities=_counts(result["entities"]),
        still_open=_counts(result["open"]) or "none",
        dev_size=len(plan.dev),
        dev=Path(recipe.dev).name if recipe.dev else "held-out pairs with projected labels",
        scores=result["dev"]["per_type"] | {"all": result["dev"]},
        settings=to_yaml(settings),
    )
    # The template loses its last line break.
    return f"{card}\n"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
