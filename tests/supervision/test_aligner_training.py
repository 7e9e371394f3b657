import random
from dataclasses import replace

import pytest

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.alignment.query import AlignmentQuery
from xner_core.alignment.trained import new_scorer
from xner_core.errors import XnerError
from xner_core.storage.files import locate
from xner_core.storage.hashing import pair_id
from xner_core.supervision import aligner_training
from xner_core.supervision.aligner_batches import training_rows
from xner_core.supervision.aligner_training import train_aligner
from xner_core.supervision.aligner_training_settings import AlignerTrainingSettings
from xner_core.supervision.examples import Example, Link, write_examples
from xner_core.supervision.link_augmentation import remove_name
from xner_core.supervision.self_training import SELF_TRAINING, relabel
from xner_core.text.spans import Span

# Steps and learning rate that a tiny encoder with random weights needs; the marker must first learn to compare.
KINDS = {"span-query": (60, 5e-3), "marker": (300, 1e-2)}


def _examples(count: int, seed: int = 0) -> list[Example]:
    """Made-up pairs, in each of which two names stay as they are; every fourth second name is not agreed on."""
    choose = random.Random(seed)
    examples = []
    for number in range(count):
        one, two = ("".join(choose.choices("abcdefgh", k=4)).capitalize() for _ in range(2))
        source, target = f"old {one} saw {two} {number}", f"{number}: {two} werd door {one} gezien"
        links = [
            Link(
                Span(source.index(name), source.index(name) + 4),
                Span(target.index(name), target.index(name) + 4),
                agreed,
                0.9,
                "PER",
                ("identical",),
            )
            for name, agreed in ((one, True), (two, number % 4 > 0))
        ]
        examples.append(Example(pair_id("en", "nl", source, target), "nl", "tales", source, target, tuple(links)))
    return examples


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    write_examples(folder / "en-nl.parquet", _examples(400), {})
    return str(folder)


def _settings(examples, encoder, out, **more):
    few = {"steps": 60, "batch_tokens": 512, "learning_rate": 5e-3, "adapter_rank": 8, "precision": "float32"}
    return AlignerTrainingSettings(examples, str(out), encoder=encoder, **few | more)


@pytest.mark.parametrize("kind", KINDS)
def test_an_aligner_learns_from_agreed_links(examples, tiny_encoder, tmp_path, kind):
    steps, rate = KINDS[kind]
    more = {"kind": kind, "rounds": 0, "layers": 2, "steps": steps, "learning_rate": rate}
    result = train_aligner(_settings(examples, tiny_encoder, tmp_path, **more))
    assert result["status"] == "done"
    print(result)
    assert result["rounds"][0]["exact"] > 0.7
    example = _examples(1, seed=5)[0]
    query = AlignmentQuery(example.source_text, example.target_text, tuple(link.source for link in example.links))
    settings = AlignerSettings(str(tmp_path), min_confidence=0.0)
    ((first, second),) = settings.load().align([query])
    assert first.target != second.target
    assert train_aligner(_settings(examples, tiny_encoder, tmp_path))["status"] == "nothing to do"
    assert f"--kind {kind}" in (tmp_path / "README.md").read_text()


def test_rows_ask_for_agreed_links_and_hold_their_words(tiny_encoder):
    _, tokeniser, _ = new_scorer("span-query", tiny_encoder, None, 1)
    asked = 0
    for example in _examples(8):
        (found,) = training_rows(tokeniser, [example])
        links = [link for link in example.links if link.agreed]
        words = tokeniser.tokenise([example.target_text])[0].words
        for link, (first, last) in zip(links, found.words, strict=True):
            assert Span(int(words[first, 0]), int(words[last, 1])) == link.target
        asked += len(links)
    assert asked == 14


def test_links_without_a_target_ask_for_none(tiny_encoder):
    _, tokeniser, _ = new_scorer("span-query", tiny_encoder, None, 1)
    example = remove_name(_examples(2)[1], random.Random(0))
    (found,) = training_rows(tokeniser, [example])
    assert sorted(map(tuple, found.words < 0)) == [(False, False), (True, True)]


def test_an_interrupted_training_goes_on_after_its_last_round(examples, tiny_encoder, tmp_path, monkeypatch):
    settings = _settings(examples, tiny_encoder, tmp_path, steps=3)
    with monkeypatch.context() as patch:
        patch.setattr(aligner_training, "relabel", lambda *_: (_ for _ in ()).throw(RuntimeError("killed")))
        with pytest.raises(RuntimeError, match="killed"):
            train_aligner(settings)
    first = (tmp_path / "round-0" / "aligner.json").stat().st_mtime_ns
    assert len(train_aligner(settings)["rounds"]) == 2
    assert (tmp_path / "round-0" / "aligner.json").stat().st_mtime_ns == first


def test_an_aligner_is_trained_into_an_object_store(examples, tiny_encoder, s3_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XNER_CACHE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    settings = _settings(examples, tiny_encoder, s3_folder, steps=3)
    with monkeypatch.context() as patch:
        patch.setattr(aligner_training, "relabel", lambda *_: (_ for _ in ()).throw(RuntimeError("killed")))
        with pytest.raises(RuntimeError, match="killed"):
            train_aligner(settings)
    assert locate(s3_folder).files() == []
    result = train_aligner(settings)
    assert (result["out"], len(result["rounds"])) == (s3_folder, 2)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("s3")]
    query = AlignmentQuery("old Abcd saw", "Abcd zag", (Span(4, 8),))
    assert len(AlignerSettings(s3_folder, min_confidence=0.0).load().align([query])) == 1
    assert train_aligner(settings)["status"] == "nothing to do"


def test_examples_without_agreed_links_are_refused(tiny_encoder, tmp_path):
    write_examples(tmp_path / "en-nl.parquet", [replace(each, links=()) for each in _examples(100)], {})
    with pytest.raises(XnerError, match="too few to hold some of them out"):
        train_aligner(_settings(str(tmp_path), tiny_encoder, tmp_path / "out"))


def test_self_training_takes_up_what_is_found_from_both_sides(examples, tiny_encoder, tmp_path):
    result = train_aligner(_settings(examples, tiny_encoder, tmp_path, rounds=1))
    assert len(result["rounds"]) == 2
    assert result["rounds"][1]["agreed_links"] >= result["rounds"][0]["agreed_links"]
    aligner = AlignerSettings(str(tmp_path), min_confidence=0.0).load()
    before = _examples(40)
    after = relabel(aligner, before)
    for old, new in zip(before, after, strict=True):
        for one, two in zip(old.links, new.links, strict=True):
            if one.agreed:
                assert two == one
            elif two.agreed:
                assert two.origins == (SELF_TRAINING,)
                query = AlignmentQuery(new.target_text, new.source_text, (two.target,))
                assert aligner.align([query])[0][0].target == two.source
