"""Languages by whatever code people write for them, and what their scripts tell.

BCP 47 (`zh-TW`, `sr-Latn`), ISO 639-1, -2 and -3 (`de`, `ger`, `deu`), locales (`pt_BR`, `sr@latin`, `en_US.UTF-8`),
and the codes of FLORES, NLLB and mtdata (`cmn_Hans`, `jpn_Jpan`) all mean the same few things here. Aliases,
macrolanguages and default scripts are those of IANA and CLDR, as `langcodes` keeps them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import cast

import langcodes

from xner_core.text.scripts import is_unspaced_script

_CODE = re.compile(r"(?P<tag>[A-Za-z0-9]+([-_][A-Za-z0-9]+)*)(\.[A-Za-z0-9-]+)?(@(?P<modifier>[a-z0-9]+))?")
# Locales say it in words.
_MODIFIERS = {"latin": "Latn", "cyrillic": "Cyrl", "devanagari": "Deva", "arabic": "Arab"}
# Norwegian without more is Bokmål to everyone but the standard.
_SAME = {"nb": "no"}
# What CLDR calls Korean writing has Chinese characters as well; FLORES names the letters alone.
_DEFAULT_SCRIPTS = frozenset({None, "Hang"})
_NO_LANGUAGE = frozenset({None, "und", "mul", "mis", "zxx"})


@dataclass(frozen=True, slots=True)
class Language:
    """What a code means.

    Attributes:
        code: the language, by its shortest code: `zh`, `yue`; a macrolanguage stands for its most usual member
        script: ISO 15924, told or the default one of language and region; `Hans`, `Latn`
        region: ISO 3166 or UN M.49, if the code tells it
        tells_script: whether the code tells a script that does not follow from the language
    """

    code: str
    script: str
    region: str | None
    tells_script: bool = field(compare=False)

    @property
    def is_unspaced(self) -> bool:
        """Whether its script puts no spaces between words."""
        return is_unspaced_script(self.script)


@lru_cache(maxsize=4096)
def parse_language(code: str) -> Language:
    """The language that a code means.

    Raises:
        ValueError: it is no language's code; says so, and which one may be meant.
    """
    match = _CODE.fullmatch(code)
    found = _known(match["tag"].replace("_", "-")) if match else None
    if match is None or found is None:
        meant = _language_of_region(code)
        hint = f"; did you mean {meant}?" if meant else ""
        raise ValueError(f"{code!r} is no language code such as en, deu, zh_TW or sr-Latn{hint}")
    if match["modifier"] in _MODIFIERS:
        found = found.update_dict({"script": _MODIFIERS[match["modifier"]]})
    tells_script = found.script not in _DEFAULT_SCRIPTS
    script = found.script if tells_script else found.update_dict({"script": None}).maximize().script
    language = cast(str, found.language)
    return Language(_SAME.get(language, language), cast(str, script), found.territory, tells_script)


def _known(tag: str) -> langcodes.Language | None:
    """A tag in the form that IANA and CLDR prefer, None if its language, script or region is not registered."""
    try:
        found = langcodes.Language.get(langcodes.standardize_tag(tag, macro=True))
        plain = langcodes.Language.make(found.language, script=found.script, territory=found.territory)
        return found if plain.language not in _NO_LANGUAGE and plain.is_valid() else None
    except ValueError:
        return None


def _language_of_region(tag: str) -> str | None:
    """The language of a country whose code was written for it (`jp`, `cz`), None if there is none such."""
    if not (len(tag) == 2 and tag.isascii() and tag.isalpha()):
        return None
    meant = langcodes.Language.make(territory=tag.upper()).maximize().language
    # English is what it says of regions that it does not know.
    return None if meant == "en" else meant


def find_language(code: str) -> Language | None:
    """The language that a code means, None if it is no language's code."""
    try:
        return parse_language(code)
    except ValueError:
        return None


def is_unspaced_language(code: str) -> bool:
    """Whether a language, by its code, is written without spaces between words; False for what is no code."""
    language = find_language(code)
    return language is not None and language.is_unspaced


def same_language(one: str, other: str) -> bool:
    """Whether two codes mean one language, in whatever script and region."""
    language, that = find_language(one), find_language(other)
    return one == other or (language is not None and that is not None and language.code == that.code)


@lru_cache(maxsize=4096)
def takes(wanted: str, found: str) -> bool:
    """Whether text of one code may be taken where another is wanted.

    What the wanted code tells has to agree: `sv` takes `swe` and `sv-SE`, `zh` takes `zh_TW`, but `zh-TW` takes
    `zho_Hant`, not `zh`, and `pt_BR` not `pt`. A code that is none takes itself alone.
    """
    if wanted == found:
        return True
    one, other = find_language(wanted), find_language(found)
    if one is None or other is None or one.code != other.code:
        return False
    if not one.tells_script and one.region is None:
        return True
    by_script = other.region is None and other.tells_script
    return one.script == other.script and (one.region is None or one.region == other.region or by_script)


def choose_language(wanted: str, there: Iterable[str]) -> str | None:
    """The code among others by which a language is there: itself, or the only one that it takes."""
    codes = list(there)
    if wanted in codes:
        return wanted
    taken = [code for code in codes if takes(wanted, code)]
    same = [code for code in taken if find_language(code) == find_language(wanted)]
    return next((found[0] for found in (same, taken) if len(found) == 1), None)


def did_you_mean(wanted: str, there: Iterable[str]) -> str:
    """Codes of the same language that are there, or of the country so called, as the end of a message; or nothing."""
    language = find_language(wanted)
    meant = {language.code if language else None, _language_of_region(wanted)}
    codes = [code for code in there if (found := find_language(code)) and found.code in meant]
    return f"; did you mean {' or '.join(codes)}?" if codes else ""


def distinct_languages(codes: Iterable[str]) -> list[str]:
    """One code for each different language in each different script, sorted."""
    distinct: dict[tuple[str, str], str] = {}
    for code in sorted(codes):
        language = find_language(code)
        distinct.setdefault((language.code, language.script) if language else (code, ""), code)
    return sorted(distinct.values())
