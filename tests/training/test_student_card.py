import re
from dataclasses import asdict

import yaml
from huggingface_hub import ModelCard

from label_files import label, row, write_labels
from xner_core.labels.label_files import find_label_files
from xner_core.training.student_card import student_card
from xner_core.training.student_plan import plan_training
from xner_core.training.student_settings import AugmentationSettings, StudentRecipe

SCORES = {"precision": 0.5, "recall": 0.25, "f1": 1 / 3}
RESULT = {
    "train_sentences": 10,
    "entities": {"PER": 5},
    "masked": 2,
    "open": {},
    "steps": 7,
    "dev": SCORES | {"per_type": {"PER": SCORES | {"support": 1}}},
}


def test_metadata_scores_and_settings_can_be_read_again(tiny_encoder, tmp_path):
    (tmp_path / "dev.conll").write_text("Anna\tB-PER\n")
    recipe = StudentRecipe(
        dev=str(tmp_path / "dev.conll"),
        start="encoder",
        model=tiny_encoder,
        augmentation=AugmentationSettings(splits={"på": "p å"}),
    )
    labels = write_labels(tmp_path, [row("Anna ler .", [label("PER", 0, 4)])], language="no")
    card = student_card(plan_training(recipe, find_label_files([labels])), RESULT)
    # Unquoted, the code of Norwegian is a boolean in YAML.
    assert ModelCard(card).data.to_dict() == {
        "language": ["no"],
        "library_name": "transformers",
        "pipeline_tag": "token-classification",
    }
    rows = ["| PER | 0.5000 | 0.2500 | 0.3333 | 1 |", "| all | 0.5000 | 0.2500 | 0.3333 |  |"]
    assert "\n".join(["|---|---|---|---|---|", *rows, "", "## Settings"]) in card
    settings = yaml.safe_load(re.search("```yaml\n(.*)```\n$", card, re.DOTALL)[1])
    assert settings == {name: value for name, value in asdict(recipe).items() if name not in ("dev", "model", "types")}
