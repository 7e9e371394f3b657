from xner_core.supervision.probes import COPIED, NAMED, REMOVED, RENAMED, find_anchors, find_names, make_probes

SOURCE = "On Monday Angela Merkel met Mr Tusk in the city of Paris."
TARGET = "Am Montag traf Angela Merkel in der Stadt Paris auf Herrn Tusk."


def _names(text):
    return [text[span.start : span.end] for span in find_names(text)]


def test_anchors_are_runs_of_names_that_both_sides_hold_once():
    anchors = find_anchors(SOURCE, TARGET)
    assert [anchor.name for anchor in anchors] == ["Angela Merkel", "Tusk", "Paris"]
    assert [TARGET[anchor.target.start : anchor.target.end] for anchor in anchors] == ["Angela Merkel", "Tusk", "Paris"]


def test_a_name_that_is_repeated_on_a_side_is_no_anchor():
    found = find_anchors("The old town of Paris was full of light", "Paris war voll Licht, ganz Paris, das alte")
    assert found == []


def test_an_untranslated_copy_has_no_anchors():
    assert find_anchors(SOURCE, SOURCE) == []


def test_names_are_capitalised_runs_that_do_not_begin_the_text():
    assert _names("Yesterday Angela Merkel met the Dalai Lama, he said") == ["Angela Merkel", "Dalai Lama"]
    assert _names("Paris is cold. In Oslo it rains") == ["Oslo"]
    assert _names("") == []


def test_probes_know_their_answers():
    anchors = find_anchors(SOURCE, TARGET)
    probes = make_probes(anchors, seed=3)
    assert probes == make_probes(anchors, seed=3)
    assert [probe.kind for probe in probes] == [COPIED, RENAMED, REMOVED, NAMED] * 3
    names = {anchor.name for anchor in anchors}
    for anchor, place in zip(anchors, range(0, 12, 4), strict=True):
        copied, renamed, removed, named = probes[place : place + 4]
        for probe in (copied, renamed):
            (span,) = probe.query.source_spans
            assert probe.query.source_text[span.start : span.end] in names
            assert probe.query.target_text == TARGET
            assert TARGET[probe.answer.start : probe.answer.end] == anchor.name
        assert anchor.name not in removed.query.target_text
        assert "  " not in removed.query.target_text
        assert removed.answer is None
        assert named.query.target_text == TARGET
