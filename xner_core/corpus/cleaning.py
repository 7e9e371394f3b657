"""The rules that a sentence pair must pass."""

import re

import regex

from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.language_check import LanguageCheck
from xner_core.text.scripts import HANGUL, IDEOGRAPHS, KANA, KATAKANA_DOT

MALFORMED = "malformed"
EMPTY = "empty"
TOO_LONG = "too_long"
LENGTH_RATIO = "length_ratio"
UNTRANSLATED = "untranslated"
WRONG_SOURCE_LANGUAGE = "wrong_source_language"
WRONG_TARGET_LANGUAGE = "wrong_target_language"
DUPLICATE = "duplicate"
REASONS = (
    MALFORMED,
    EMPTY,
    TOO_LONG,
    LENGTH_RATIO,
    UNTRANSLATED,
    WRONG_SOURCE_LANGUAGE,
    WRONG_TARGET_LANGUAGE,
    DUPLICATE,
)

# A Chinese character stands for about three characters of English, kana and Hangul for two (medians of news text).
_IDEOGRAPH = regex.compile(f"[{IDEOGRAPHS}]")
_IDEOGRAPH_KANA_OR_HANGUL = regex.compile(f"[{IDEOGRAPHS}{KANA}{KATAKANA_DOT}{HANGUL}]")
# Most texts have none of a range that has them all, and others.
_PERHAPS_DENSE = re.compile("[\u1100-\u11ff\u3000-\U0010ffff]")
# Added to both lengths, so that the ratio of short sentences means something.
_RATIO_SMOOTHING = 10


class Cleaner:
    """Gives the first rule that a pair breaks.

    Args:
        settings: The rules' thresholds.
        source: Language of the source texts.
        target: Language of the target texts.

    Raises:
        ValueError: what is no language code.
    """

    def __init__(self, settings: CleaningSettings, source: str, target: str) -> None:
        self.settings = settings
        self.checks = None
        if settings.identify_language:
            self.checks = tuple(
                LanguageCheck(code, settings.language_confidence, other)
                for code, other in ((source, target), (target, source))
            )

    def reason(self, texts: tuple[str, str], normal: tuple[str, str]) -> str | None:
        """Why a pair is rejected, or None.

        Args:
            texts: Source and target text, raw.
            normal: Both in normal form.
        """
        if not (normal[0] and normal[1]):
            return EMPTY
        if max(len(texts[0]), len(texts[1])) > self.settings.max_characters:
            return TOO_LONG
        one, other = _weighted_length(normal[0]) + _RATIO_SMOOTHING, _weighted_length(normal[1]) + _RATIO_SMOOTHING
        shorter, longer = (one, other) if one < other else (other, one)
        if longer / shorter > self.settings.max_length_ratio:
            return LENGTH_RATIO
        if normal[0] == normal[1] and not _same_in_any_language(normal[0]):
            return UNTRANSLATED
        if self.checks and normal[0] != normal[1]:
            if self.checks[0].is_other(normal[0]):
                return WRONG_SOURCE_LANGUAGE
            if self.checks[1].is_other(normal[1]):
                return WRONG_TARGET_LANGUAGE
        return None


def _weighted_length(text: str) -> int:
    if text.isascii() or not _PERHAPS_DENSE.search(text):
        return len(text)
    dense = _IDEOGRAPH_KANA_OR_HANGUL.findall(text)
    return len(text) + len(dense) + len(_IDEOGRAPH.findall(text))


def _same_in_any_language(text: str) -> bool:
    """Whether a text is made of names and numbers: no word begins with a letter that is not a capital."""
    return not any(word[0].isalpha() and not word[0].isupper() for word in re.findall(r"\w+", text))
