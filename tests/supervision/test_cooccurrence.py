import random

from xner_core.supervision.cooccurrence import Cooccurrence
from xner_core.supervision.worded_text import WordedText, word_forms


def pairs(*texts: tuple[str, str]):
    return [(word_forms(source), word_forms(target)) for source, target in texts]


NOISE = pairs(*[(f"some words {number}", f"die Worte {number} und mehr") for number in range(20)])


def part(counts: Cooccurrence, name: str, raw: str) -> str | None:
    text = WordedText.of(raw)
    span = counts.find(name, text)
    return None if span is None else text.part(span)


def test_what_is_there_with_a_name_and_nowhere_else_is_its_rendering():
    texts = pairs(
        ("the Foreign Office said", "das Auswärtige Amt sagte"),
        ("the Foreign Office knew", "und das Auswärtige Amt wusste"),
        ("at the Foreign Office", "denn Auswärtige Amt und Worte"),
    )
    counts = Cooccurrence(["Foreign Office", "Rome"], texts + NOISE, unspaced=False)
    assert part(counts, "Foreign Office", "Heute war das Auswärtige Amt zu") == "Auswärtige Amt"
    assert part(counts, "Foreign Office", "Auswärtige Amt, Auswärtige Amt") is None
    assert part(counts, "Foreign Office", "Heute war alles zu") is None
    assert part(counts, "Rome", "Auswärtige Amt") is None


def test_two_pairs_are_not_enough():
    texts = pairs(("in Rome", "in Rom"), ("to Rome", "nach Rom"))
    assert part(Cooccurrence(["Rome"], texts + NOISE, unspaced=False), "Rome", "von Rom") is None


def test_unspaced_names_are_found_to_their_ends():
    choose = random.Random(1)

    def noise() -> str:
        return "".join(choose.choices("天地人你我他", k=5))

    texts = [(f"word Ukraine {number}", f"{noise()}乌克兰{noise()}") for number in range(6)]
    counts = Cooccurrence(["Ukraine"], pairs(*texts) + NOISE, unspaced=True)
    assert part(counts, "Ukraine", "我在烏克蘭天") == "烏克蘭"


def test_a_rendering_begins_and_ends_with_ordinary_words():
    texts = pairs(*[(f"Alps {n}", f"{n} {w} den Alpen") for n, w in enumerate(["vor", "um", "zu", "hin"])])
    counts = Cooccurrence(["Alps"], texts + NOISE, unspaced=False)
    # "den Alpen" always occurs together.
    assert part(counts, "Alps", "in den Alpen") == "Alpen"
