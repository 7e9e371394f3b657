"""A model as users bring it: XLM-R base's shape and vocabulary, through every job. The weights are random."""

from pathlib import Path

import pytest
from transformers import XLMRobertaConfig, XLMRobertaModel

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.ingest.ingestion import ingest_corpus
from xner_core.evaluation.evaluation_settings import TaggerEvaluation
from xner_core.evaluation.tagger_evaluation import evaluate_tagger
from xner_core.models.loading import encoder_folder, load_tokenizer
from xner_core.sample import write_sample_corpus, write_sample_gold
from xner_core.supervision.aligner_fitting import fit_aligner
from xner_core.supervision.aligner_training_settings import AlignerFitting
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.training.fitting_settings import OptimisationSettings
from xner_core.training.student_settings import StudentRecipe
from xner_core.training.tagger_training import train_tagger
from xner_core.training.tagger_training_settings import TaggerTrainingSettings
from xner_core.workflows.projection import project_corpus
from xner_core.workflows.projection_settings import ProjectionSettings

BRIEF = OptimisationSettings(epochs=0.5, evaluations=1, patience=0)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("xlm-roberta-base")
    config = XLMRobertaConfig(
        vocab_size=250002,
        hidden_size=768,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=3072,
        max_position_embeddings=514,
        type_vocab_size=1,
    )
    XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer = load_tokenizer(encoder_folder("starter"))
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("ray_session")
def test_it_passes_through_every_job(base, tmp_path):
    gold = tmp_path / "en.conll"
    write_sample_gold(gold, "en")
    tagger = tmp_path / "tagger"
    trained = train_tagger(
        TaggerTrainingSettings(
            train=[str(gold)], dev=str(gold), out=str(tagger), encoder=base, adapter_rank=4, optimisation=BRIEF
        )
    )
    assert trained["status"] == "done"

    write_sample_corpus(tmp_path / "text", "en", "de")
    ingest_corpus(IngestSettings(corpus=str(tmp_path / "text"), out=str(tmp_path / "corpus"), target="de"))
    aligner = tmp_path / "aligner"
    fit_aligner(AlignerFitting(corpus=str(tmp_path / "corpus"), out=str(aligner), encoder=base, names=50))

    result = project_corpus(
        ProjectionSettings(
            corpus=str(tmp_path / "corpus"),
            out=str(tmp_path / "out"),
            tagger=TaggerSettings(str(tagger)),
            aligner=AlignerSettings(model=str(aligner), min_confidence=0.0),
            then_train=True,
            student=StudentRecipe(start="encoder", model=base, types=["PER", "LOC", "ORG", "MISC"], optimisation=BRIEF),
        )
    )
    assert result["labelled"]["pairs"] == result["pairs"]["kept"]
    assert (Path(result["student"]) / "model.safetensors").exists()
    german = tmp_path / "de.conll"
    write_sample_gold(german, "de")
    assert evaluate_tagger(TaggerEvaluation(str(german), TaggerSettings(result["student"])))["status"] == "done"
