import pyarrow as pa
import pytest
from label_files import label, row, write_labels

from xner_core.errors import XnerError
from xner_core.evaluation.surfaces import seen_surfaces, surfaces
from xner_core.files import locate, write_table
from xner_core.spans import Entity, Span


def test_surfaces_are_those_of_projected_entities_without_white_space(tmp_path):
    found = [label("PER", 2, 11), label("ORG", None, None)]
    rows = [row("😀 Ada\u00a0 Ross lacht", found), row("Bonn"), row("Ulm schläft", [label("LOC", 0, 3)])]
    labels = write_labels(tmp_path, rows, [row("北京", [label("LOC", 0, 2)])])
    wanted = {"AdaRoss", "ada", "Bonn", "北京", "lacht", "Ulms"}
    assert seen_surfaces([labels], wanted) == {"AdaRoss", "北京"}
    text = "Ada Ross in Bonn"
    assert surfaces([text], [[Entity(Span(0, 8), "PER"), Entity(Span(12, 16), "LOC")]]) == {"AdaRoss", "Bonn"}


def test_files_without_an_entity_show_none(tmp_path):
    assert seen_surfaces([write_labels(tmp_path, [row("Bonn")], [])], {"Bonn"}) == set()


def test_folders_without_labels_and_other_files_are_refused(tmp_path):
    with pytest.raises(XnerError, match="no label files in this folder"):
        seen_surfaces([str(tmp_path)], {"Bonn"})
    write_table(locate(tmp_path / "other.parquet"), pa.table({"target_text": ["Bonn"]}))
    with pytest.raises(XnerError, match=r"other\.parquet: not a label file, it has no column entities"):
        seen_surfaces([str(tmp_path)], {"Bonn"})
