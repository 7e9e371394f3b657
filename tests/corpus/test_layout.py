import pyarrow as pa
import pytest

from xner_core.corpus.layout import PAIR_SCHEMA, content_name, open_corpus
from xner_core.errors import XnerError
from xner_core.storage.files import locate, write_json


def table(**changes):
    columns = {
        "pair_id": ["a" * 32, "b" * 32],
        "source_text": ["One.", "Two."],
        "target_text": ["Eins.", "Zwei."],
        "score": [0.5, None],
        "origin": ["news.en", "news.en"],
    }
    return pa.Table.from_pydict(columns | changes, PAIR_SCHEMA)


def test_a_folder_without_manifest_is_no_corpus(tmp_path):
    (tmp_path / "pairs").mkdir()
    with pytest.raises(XnerError, match=r"not a corpus, for it has no manifest\.json"):
        open_corpus(locate(tmp_path))


@pytest.mark.parametrize("manifest", [{}, [], {"format": "xner corpus", "version": 99}])
def test_another_manifest_is_refused(tmp_path, manifest):
    write_json(locate(tmp_path / "manifest.json"), manifest)
    with pytest.raises(XnerError, match=r"manifest\.json: not the manifest of a corpus of version 1"):
        open_corpus(locate(tmp_path))


def test_content_names_never_change():
    # Projected labels are kept under them.
    assert content_name("news", table()) == "d74c88619eb4a7868e1c458e0ccc5ef4"


def test_a_content_name_covers_every_column_its_order_and_the_domain():
    names = {
        content_name("news", table()),
        content_name("wiki", table()),
        content_name("news", table().take([1, 0])),
        content_name("news", table(pair_id=["a" * 32, "c" * 32])),
        content_name("news", table(source_text=["One.", "Two"])),
        content_name("news", table(target_text=["Eins.", "Zwo."])),
        content_name("news", table(score=[0.5, 0.0])),
        content_name("news", table(origin=["news.en", "other.en"])),
    }
    assert len(names) == 8
