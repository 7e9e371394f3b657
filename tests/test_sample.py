import pytest

from xner_core.errors import XnerError
from xner_core.evaluation.conll import read_conll
from xner_core.sample import LANGUAGES, parse_markup, read_sample, write_sample_corpus, write_sample_gold
from xner_core.text.spans import Entity, Span


def test_markup_becomes_offsets_of_the_raw_text():
    sentence = parse_markup("In [Bad Tölz|LOC] sah [Ann O'Hara|PER] fern.")
    assert sentence.text == "In Bad Tölz sah Ann O'Hara fern."
    assert sentence.entities == [Entity(Span(3, 11), "LOC"), Entity(Span(16, 26), "PER")]


def test_the_sample_is_large_varied_and_well_formed():
    corpus, gold = list(read_sample("corpus")), list(read_sample("gold"))
    assert len(corpus) >= 100
    assert len(gold) == 50
    ids = [row.id for row in corpus + gold]
    assert len(set(ids)) == len(ids)
    assert len({row.domain for row in corpus}) >= 5
    for row in corpus + gold:
        for sentence in row.translations.values():
            assert sentence.text.strip() == sentence.text != ""
            assert not set("[]|\n") & set(sentence.text)
            assert {entity.type for entity in sentence.entities} <= {"PER", "LOC", "ORG", "MISC"}


def test_the_corpus_is_written_as_line_aligned_files(tmp_path):
    write_sample_corpus(tmp_path, "en", "zh")
    lines = {path.name: path.read_text(encoding="utf-8").split("\n")[:-1] for path in tmp_path.iterdir()}
    assert sum(len(texts) for name, texts in lines.items() if name.endswith(".en")) == len(list(read_sample("corpus")))
    for name, texts in lines.items():
        domain, language = name.split(".")
        other = "zh" if language == "en" else "en"
        assert len(texts) == len(lines[f"{domain}.{other}"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_gold_part_is_written_as_conll(tmp_path, language):
    write_sample_gold(tmp_path / "gold.conll", language)
    sentences = read_conll(tmp_path / "gold.conll")
    gold = [row.translations[language] for row in read_sample("gold")]
    assert ["".join(sentence.tokens) for sentence in sentences] == ["".join(row.text.split()) for row in gold]
    marked = sum(tag.startswith("B-") for sentence in sentences for tag in sentence.tags)
    assert marked == sum(len(row.entities) for row in gold)


def test_an_unknown_language_is_refused(tmp_path):
    with pytest.raises(XnerError, match=r"'fi'.*--corpus"):
        write_sample_corpus(tmp_path, "en", "fi")
