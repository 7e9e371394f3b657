import unicodedata

import pyarrow as pa
import pytest

from label_files import label, row, write_labels
from xner_core.errors import XnerError
from xner_core.evaluation.surfaces import seen_surfaces, surfaces
from xner_core.labels.label_files import LabelFile, find_label_files
from xner_core.storage.files import locate, write_table
from xner_core.text.spans import Entity, Span


def test_surfaces_are_those_of_projected_entities_without_white_space(tmp_path):
    found = [label("PER", 2, 11), label("ORG", None, None)]
    rows = [row("😀 Ada\u00a0 Ross lacht", found), row("Bonn"), row("Ulm schläft", [label("LOC", 0, 3)])]
    labels = write_labels(tmp_path, rows, [row("北京", [label("LOC", 0, 2)])])
    wanted = {"AdaRoss", "ada", "Bonn", "北京", "lacht", "Ulms"}
    assert seen_surfaces(find_label_files([labels]), wanted) == {"AdaRoss", "北京"}
    text = "Ada Ross in Bonn"
    assert surfaces([text], [[Entity(Span(0, 8), "PER"), Entity(Span(12, 16), "LOC")]]) == {"AdaRoss", "Bonn"}


def test_files_without_an_entity_show_none(tmp_path):
    assert seen_surfaces(find_label_files([write_labels(tmp_path, [row("Bonn")], [])]), {"Bonn"}) == set()


def test_only_the_pairs_of_a_sample_count(tmp_path):
    rows = [row(text, [label("LOC", 0, 3)], id_=text[0].lower() * 32) for text in ("Aue", "Bul", "Cux")]
    files = find_label_files([write_labels(tmp_path, rows)])
    assert seen_surfaces(files, {"Aue", "Bul", "Cux"}, last_pair="b" * 32) == {"Aue", "Bul"}


def test_other_files_are_refused(tmp_path):
    file = LabelFile(locate(tmp_path / "other.parquet"), "f", "de", "news")
    write_table(file.location, pa.table({"target_text": ["Bonn"]}))
    with pytest.raises(XnerError, match=r"other\.parquet: not a label file, it has no column entities, pair_id"):
        seen_surfaces([file], {"Bonn"})


def test_surfaces_are_compared_in_normal_form(tmp_path):
    decomposed = unicodedata.normalize("NFD", "Ọ̀yọ́")
    rows = [row(f"{decomposed} tóbi", [label("LOC", 0, len(decomposed))]), row("Dún O’Brien", [label("PER", 4, 11)])]
    wanted = surfaces(["Ọ̀yọ́ ni O'Brien"], [[Entity(Span(0, 5), "LOC"), Entity(Span(9, 16), "PER")]])
    assert len(wanted) == 2
    assert seen_surfaces(find_label_files([write_labels(tmp_path, rows)]), wanted) == wanted
