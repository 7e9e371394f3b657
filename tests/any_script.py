"""Texts over all scripts of Unicode that have letters."""

import unicodedata

from hypothesis import strategies as st

# A letter or two of every script that has letters, marks of all kinds, and what may stand between letters.
_SCRIPTS: dict[str, list[str]] = {}
for _code in range(0x110000):
    _character = chr(_code)
    if unicodedata.category(_character)[0] == "L":
        _name = unicodedata.name(_character, "?").split(" ")[0]
        _SCRIPTS.setdefault(_name, []).append(_character)
LETTERS = [letters[at] for letters in _SCRIPTS.values() for at in (0, len(letters) // 2, -1)]
MARKS = [chr(code) for code in range(0x300, 0x20000) if unicodedata.category(chr(code))[0] == "M"][::5]
JOINERS = ["\u200c", "\u200d", "\u00ad", "\u2060", "\ufe0f", "\U000e0101", "\u1039", "\u17d2", "\u094d", "\u0e33"]
BETWEEN = [" ", "\n", "\u200b", "\u3000", "-", "'", '"', "״", "་", "·", "1", "๓", "🎉", "🇩", "\u0600", "\u200f"]
any_text = st.lists(
    st.sampled_from(LETTERS) | st.sampled_from(MARKS) | st.sampled_from(JOINERS) | st.sampled_from(BETWEEN),
    max_size=40,
).map("".join)
