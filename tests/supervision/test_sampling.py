import pytest

from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.ingest.ingestion import ingest_corpus
from xner_core.corpus.layout import open_corpus
from xner_core.storage.files import locate
from xner_core.supervision.sampling import Sampler, is_mostly_copied, read_forms
from xner_core.supervision.worded_text import WordedText


def make_corpus(folder, **domains: list[tuple[str, str]]):
    (folder / "in").mkdir()
    for domain, rows in domains.items():
        for side, language in enumerate(("en", "nl")):
            (folder / "in" / f"{domain}.{language}").write_text("".join(row[side] + "\n" for row in rows))
    settings = IngestSettings(
        str(folder / "in"),
        str(folder / "corpus"),
        "nl",
        shard_pairs=40,
        cleaning=CleaningSettings(identify_language=False),
    )
    ingest_corpus(settings)
    return open_corpus(locate(folder / "corpus"))


def rows(count: int, tag: str) -> list[tuple[str, str]]:
    def letters(number: int) -> str:
        return "".join(chr(97 + int(digit)) for digit in f"{number:03d}")

    return [
        (f"then old Q{tag}{letters(n)} came by here", f"toen kwam de oude Q{tag}{letters(n)} er langs")
        for n in range(count)
    ]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("sampling"), few=rows(10, "f"), some=rows(60, "s"), many=rows(200, "m"))


def test_domains_have_equal_shares_and_small_ones_give_what_they_have(corpus):
    sample = Sampler(90, 100, 1).sample(corpus)
    counts = {domain: sum(pair.domain == domain for pair in sample) for domain in ("few", "some", "many")}
    assert counts == {"few": 10, "some": 40, "many": 40}
    assert len({pair.pair_id for pair in sample}) == 90
    assert len(Sampler(1000, 100, 1).sample(corpus)) == 270


def test_the_seed_decides_the_sample(corpus):
    samples = [[pair.pair_id for pair in Sampler(30, 100, seed).sample(corpus)] for seed in (1, 1, 2)]
    assert samples[0] == samples[1] != samples[2]


def test_only_new_pairs_with_names_are_drawn(tmp_path):
    good = ("then old Anna came by here", "toen kwam de oude Anna er langs")
    corpus = make_corpus(
        tmp_path,
        all=[
            good,
            (good[0], "een andere vertaling van hetzelfde"),
            ("The house has no names at all", "Het huis heeft geen namen"),
            ("then Bert and many other words came along", "toen kwam Bert met veel woorden"),
            ("Carl Dorn Erna Falk was here", "Carl Dorn Erna Falk was hier"),
        ],
    )
    drawn = Sampler(10, 7, 1).sample(corpus)
    assert [pair.source.text for pair in drawn] == [good[0]]


def test_a_frequent_name_fills_no_sample(tmp_path):
    corpus = make_corpus(
        tmp_path, all=[(f"we gave Tom {word}s today", f"wij gaven {word}en aan Tom") for word in "abcdefghijkl"]
    )
    assert len(Sampler(100, 100, 1).sample(corpus)) == 5


def test_copied_sides_are_told_from_translations():
    def copied(source, target):
        return is_mostly_copied(WordedText.of(source), WordedText.of(target))

    assert copied("Anna Lind, Bo Ek!", "Anna Lind: Bo!")
    assert not copied("then Anna Lind came, yes, here", "toen kwam Anna Lind, ja, langs")
    assert not copied("...", "...")


def test_forms_are_read_shard_by_shard(corpus):
    assert len(read_forms(corpus, 1000, 1)) == 270
    some = read_forms(corpus, 50, 1)
    assert 50 <= len(some) <= 80
    assert all(source[:2] == ("then", "old") and target[0] == "toen" for source, target in some)
