"""Finds the parallel text of one language pair among the files of a folder, of zip archives in it, or a single file."""

import logging
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from xner_core.corpus.inputs import COMPRESSIONS, InputFile, list_members
from xner_core.corpus.readers import RawPair, read_json_lines, read_moses, read_parquet, read_tmx, read_tsv
from xner_core.errors import XnerError
from xner_core.files import Location

logger = logging.getLogger(__name__)

READERS = {".tsv": read_tsv, ".tmx": read_tmx, ".jsonl": read_json_lines, ".parquet": read_parquet}
MAX_DOMAIN_LENGTH = 80
DEFAULT_DOMAIN = "default"
FORMATS = (
    "a Moses pair such as news.{source}.gz and news.{target}.gz, .tsv, .tmx or .jsonl (each also .gz or .xz), "
    ".parquet, or a .zip that holds such files"
)


@dataclass(frozen=True)
class Source:
    """One thing to read: a file, or the two files of a Moses pair.

    Attributes:
        name: Path below the corpus' folder, of the source-language file where there are two.
        format: moses, tsv, tmx, jsonl or parquet.
        domain: The domain of all rows that name none.
        files: The one file, or the source-language and the target-language file.
        reversed: Whether the file's name gives the languages in the other order, and so its columns.
    """

    name: str
    format: str
    domain: str
    files: tuple[InputFile, ...]
    reversed: bool = False

    def pairs(self, source: str, target: str) -> Iterator[RawPair]:
        if self.format == "moses":
            return read_moses(*self.files)
        read = partial(READERS[f".{self.format}"], *self.files)
        if self.format == "tsv" and self.reversed:
            pairs = read(target, source)
            return (pair._replace(source_text=pair.target_text, target_text=pair.source_text) for pair in pairs)
        return read(source, target)


def domain_name(text: str) -> str:
    """A text made safe as a folder's name and partition value; `default` if nothing of it can be kept.

    Letters and digits of any script, `.`, `_` and `-` stay, all else becomes `-`; a name starts with a letter or digit
    and has at most 80 characters.
    """
    name = re.sub(r"[^\w.-]+", "-", unicodedata.normalize("NFKC", text))
    return name.lstrip("._-")[:MAX_DOMAIN_LENGTH].rstrip(".-") or DEFAULT_DOMAIN


def find_sources(corpus: Location, source: str, target: str) -> list[Source]:
    """All parallel text of a language pair at a location, in the order of their names.

    A file of a Moses pair given alone brings the other one along. Files of other languages, and those that are not
    parallel text (README, LICENSE, ids), are left out.

    Raises:
        XnerError: nothing is there, nothing of this pair (with a list of what was found), or the same text twice.
    """
    files = _list_files(corpus, source, target)
    sources = sorted(_sources(files, source, target), key=lambda found: found.name)
    taken = {file.name for found in sources for file in found.files}
    ignored = [file.name for file in files if file.name not in taken]
    if not sources:
        raise XnerError(
            f"{corpus}: no parallel text of {source} and {target}; expected "
            f"{FORMATS.format(source=source, target=target)}; found {_abridged(ignored)}"
        )
    if ignored:
        logger.info("left out, being no parallel text of %s and %s: %s", source, target, _abridged(ignored))
    return sources


def _list_files(corpus: Location, source: str, target: str) -> list[InputFile]:
    if not corpus.exists():
        raise XnerError(f"{corpus}: no such file or folder")
    if corpus.is_folder():
        files = [InputFile(file, file.relative_to(corpus)) for file in corpus.files()]
    else:
        files = [InputFile(corpus, corpus.name)]
        stem, ending = _split_name(corpus.name)
        if ending[1:] in (source, target):
            other = target if ending[1:] == source else source
            folder = Location(corpus.filesystem, corpus.path.removesuffix(corpus.name).rstrip("/"))
            beside = [folder / f"{stem}.{other}{compression}" for compression in ("", *COMPRESSIONS)]
            files += [InputFile(file, file.name) for file in beside if file.exists()]
    return [
        member for file in files for member in (list_members(file) if file.name.lower().endswith(".zip") else [file])
    ]


def _sources(files: list[InputFile], source: str, target: str) -> Iterator[Source]:
    sides: dict[str, dict[str, list[InputFile]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        stem, ending = _split_name(file.name)
        if ending[1:] in (source, target):
            sides[stem][ending[1:]].append(file)
        elif ending in READERS and not (ending == ".parquet" and file.member):
            pair = _named_pair(stem)
            if pair is None or set(pair) == {source, target}:
                yield Source(
                    file.name, ending[1:], _domain(stem, pair), (file,), reversed=pair is not None and pair[0] == target
                )
    for stem, found in sides.items():
        if source in found and target in found:
            for several in (found[source], found[target]):
                if len(several) > 1:
                    raise XnerError(f"{several[0]} and {several[1]}: the same text twice; remove one of them")
            files_of_pair = (*found[source], *found[target])
            yield Source(files_of_pair[0].name, "moses", _domain(stem, _named_pair(stem)), files_of_pair)


def _split_name(name: str) -> tuple[str, str]:
    """A path without its compression, split before the last dot of its last part."""
    for compression in COMPRESSIONS:
        name = name.removesuffix(compression)
    stem, dot, ending = name.rpartition(".")
    return (stem, f".{ending}") if dot and "/" not in ending else (name, "")


# As in OPUS: Europarl.de-en.en, de-en.tmx, bible-uedin.en-zh_CN.tsv
_NAMED_PAIR = re.compile(r"(?:^|[./])([a-z]{2,3}(?:_[A-Za-z]{2,4})?)-([a-z]{2,3}(?:_[A-Za-z]{2,4})?)$")


def _named_pair(stem: str) -> tuple[str, str] | None:
    match = _NAMED_PAIR.search(stem)
    return match.groups() if match else None


def _domain(stem: str, pair: tuple[str, str] | None) -> str:
    if pair is not None:
        stem = stem.removesuffix("-".join(pair)).rstrip("./").removesuffix(".zip")
    return domain_name(stem.rpartition("/")[2])


def _abridged(names: list[str], most: int = 20) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "nothing") + more
