import pytest

from label_files import row, write_labels
from xner_core.errors import XnerError
from xner_core.labels.label_files import find_label_files


def test_labels_under_another_code_of_the_language_are_named(tmp_path):
    labels = write_labels(tmp_path, [row("Bonn")], language="sv-SE")
    assert len(find_label_files([f"{labels}/language=sv-SE"])) == 1
    with pytest.raises(XnerError, match=r"language=swe/domain=news: no label files .*; did you mean language=sv-SE\?"):
        find_label_files([f"{labels}/language=swe/domain=news"])
    with pytest.raises(XnerError, match=r"language=de: no label files in this folder; project a corpus first"):
        find_label_files([f"{labels}/language=de"])
