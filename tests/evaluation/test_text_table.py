from xner_core.evaluation.text_table import text_table


def test_the_first_column_is_flush_left_and_the_others_flush_right():
    assert text_table(["name", "x"], [["a", "10.5"], ["long name", ""]]).splitlines() == [
        "name          x",
        "a          10.5",
        "long name",
    ]
