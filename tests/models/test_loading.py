import shutil
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, TaskType, get_peft_model

from xner_core.errors import XnerError
from xner_core.models.loading import (
    load_encoder,
    load_token_classifier,
    load_tokenizer,
    model_digest,
    new_token_classifier,
)
from xner_core.models.window_size import model_window
from xner_core.training.tagger_training import save_adapter

LABELS = ["O", "B-LOC", "I-LOC"]


def test_the_window_leaves_out_the_positions_that_no_token_has(tiny_encoder):
    model, tokenizer = load_encoder(tiny_encoder)
    window = model_window(model, tokenizer)
    assert window == 128
    with torch.inference_mode():
        model(input_ids=torch.full((1, window), 5))
        with pytest.raises((IndexError, RuntimeError)):
            model(input_ids=torch.full((1, window + 1), 5))


def test_weights_that_are_not_safetensors_are_refused(tiny_encoder, tmp_path):
    shutil.copytree(tiny_encoder, tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").rename(tmp_path / "model" / "pytorch_model.bin")
    with pytest.raises(XnerError, match=r"no .*safetensors"):
        load_encoder(str(tmp_path / "model"))


def test_a_slow_tokenizer_is_refused(tiny_encoder, tmp_path, monkeypatch):
    tokenizer = load_tokenizer(Path(tiny_encoder))
    monkeypatch.setattr(type(tokenizer), "is_fast", False)
    with pytest.raises(XnerError, match="fast tokenizer"):
        load_tokenizer(Path(tiny_encoder))


def test_the_digest_follows_the_weights_and_not_the_folder(tiny_encoder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(tiny_encoder, copy)
    assert model_digest(copy) == model_digest(Path(tiny_encoder))
    model, _ = load_encoder(tiny_encoder)
    model.embeddings.word_embeddings.weight.data[7] += 1
    model.save_pretrained(copy)
    assert model_digest(copy) != model_digest(Path(tiny_encoder))


def test_an_adapter_is_merged_into_its_encoder(tiny_encoder, tmp_path):
    torch.manual_seed(3)
    base = new_token_classifier(tiny_encoder, LABELS)
    config = LoraConfig(
        task_type=TaskType.TOKEN_CLS, r=2, target_modules=["query", "dense"], modules_to_save=["classifier"]
    )
    model = get_peft_model(base, config).eval()
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    save_adapter(model, tiny_encoder, tmp_path / "adapter")
    merged, _ = load_token_classifier(str(tmp_path / "adapter"))
    ids = torch.randint(5, 100, (2, 9))
    with torch.inference_mode():
        expected = model(input_ids=ids).logits
        torch.testing.assert_close(merged(input_ids=ids).logits, expected, atol=2e-2, rtol=2e-2)
        with model.disable_adapter():
            # The adapter does something: a merge that forgot it would show.
            assert (model(input_ids=ids).logits - expected).abs().max() > 0.1
    assert merged.config.id2label == dict(enumerate(LABELS))
