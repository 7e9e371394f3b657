"""Finds the parallel text of one language pair among the files of a folder, of zip archives in it, or a single file."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from xner_core.corpus.inputs import COMPRESSIONS, InputFile, list_members
from xner_core.corpus.naming import (
    best_name,
    domain_name,
    is_hidden,
    names_other_pair,
    order_in_name,
    rank,
    spellings,
)
from xner_core.corpus.readers import RawPair, read_json_lines, read_moses, read_parquet, read_tsv
from xner_core.corpus.tmx import read_tmx
from xner_core.errors import XnerError
from xner_core.storage.files import Location
from xner_core.text.languages import find_language

logger = logging.getLogger(__name__)

READERS = {".tsv": read_tsv, ".tmx": read_tmx, ".jsonl": read_json_lines, ".parquet": read_parquet}
FORMATS = (
    "a Moses pair such as news.{source}.gz and news.{target}.gz, .tsv, .tmx or .jsonl (each also .gz or .xz), "
    ".parquet, or a .zip that holds such files"
)
# What may well hold parallel text, and is not opened.
PACKED = (".zip", ".bz2", ".zst", ".lz4", ".7z", ".rar", ".tar", ".tgz", ".tar.gz", ".tar.xz")


@dataclass(frozen=True)
class Source:
    """One thing to read: a file, or the two files of a Moses pair.

    Attributes:
        name: Path below the corpus' folder, of the source-language file where there are two.
        format: moses, tsv, tmx, jsonl or parquet.
        domain: The domain of all rows that name none.
        files: The one file, or the source-language and the target-language file; of a block of a source, their parts.
        reversed: Whether the file's name gives the languages in the other order, and so its columns.
    """

    name: str
    format: str
    domain: str
    files: tuple[InputFile, ...]
    reversed: bool = False

    def pairs(self, source: str, target: str) -> Iterator[RawPair]:
        """The pairs of its files, in their order.

        Args:
            source: language of the source side
            target: language of the target side

        Raises:
            XnerError: a file that cannot be read.
        """
        if self.format == "moses":
            return read_moses(*self.files)
        read = partial(READERS[f".{self.format}"], *self.files)
        if self.format == "tsv" and self.reversed:
            return (pair.turned() for pair in read(target, source))
        return read(source, target)


def find_sources(corpus: Location, source: str, target: str) -> tuple[list[Source], list[str]]:
    """All parallel text of a language pair at a location, in the order of their names, and what to warn of.

    A file of a Moses pair given alone brings the other one along. Files of other languages, those that are not parallel
    text (README, LICENSE, ids), and hidden ones are left out.

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
    packed = [name for name in ignored if name.lower().endswith(PACKED)]
    warnings = [f"not read, for it has to be unpacked first: {_abridged(packed)}"] if packed else []
    if single := _single_sides(files, source, target):
        warnings.append(f"not read, for there is no such file in the other language: {_abridged(single)}")
    if others := [name for name in ignored if name not in (*packed, *single)]:
        logger.info("left out, being no parallel text of %s and %s: %s", source, target, _abridged(others))
    return sources, warnings


def _list_files(corpus: Location, source: str, target: str) -> list[InputFile]:
    if not corpus.exists():
        raise XnerError(f"{corpus}: no such file or folder")
    if corpus.is_folder():
        files = [InputFile(file, file.relative_to(corpus)) for file in corpus.files()]
        files = [file for file in files if not is_hidden(file.name)]
    else:
        files = [InputFile(corpus, corpus.name), *_beside(corpus, source, target)]
    return [found for file in files for found in (_members(file) if file.name.lower().endswith(".zip") else [file])]


def _members(archive: InputFile) -> list[InputFile]:
    return [file for file in list_members(archive) if not is_hidden(file.name.removeprefix(f"{archive.name}/"))]


def _beside(file: Location, source: str, target: str) -> list[InputFile]:
    """The other side of a Moses pair, of which one file was given."""
    stem, ending, tail = _split_name(file.name)
    for one, other in ((source, target), (target, source)):
        if rank(ending, one) is not None:
            codes = [code.upper() if ending.isupper() else code for code in spellings(other)]
            names = [f"{stem}.{code}" for code in codes]
            places = [
                file.parent / f"{name}{end}" for name in names for end in dict.fromkeys((tail, "", *COMPRESSIONS))
            ]
            return [InputFile(place, place.name) for place in places if place.exists()]
    return []


def _sources(files: list[InputFile], source: str, target: str) -> Iterator[Source]:
    sides: dict[str, dict[str, list[InputFile]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        stem, ending, _ = _split_name(file.name)
        if (kind := f".{ending.lower()}") in READERS:
            if not (kind == ".parquet" and file.member):
                yield from _one_file(file, stem, kind, source, target)
        else:
            sides[stem][ending].append(file)
    for stem, found in sides.items():
        one, other = (best_name(found, language) for language in (source, target))
        if one is not None and other is not None:
            files_of_pair = _only(found, one, source), _only(found, other, target)
            order = order_in_name(stem.rpartition("/")[2], source, target)
            yield Source(files_of_pair[0].name, "moses", _domain(stem, order), files_of_pair)


def _one_file(file: InputFile, stem: str, kind: str, source: str, target: str) -> Iterator[Source]:
    folder, _, name = stem.rpartition("/")
    order = order_in_name(name, source, target)
    if order is None and names_other_pair(name, source, target):
        return
    domain = _domain(stem, order)
    if order is None:
        # A folder or archive that is named by languages alone, as `deu-eng/test.tsv`.
        above = folder.rpartition("/")[2].removesuffix(".zip").removesuffix(".txt")
        order = order_in_name(above, source, target)
        if order is not None and order[1]:
            order = None
    yield Source(file.name, kind[1:], domain, (file,), reversed=order is not None and order[0])


def _single_sides(files: list[InputFile], source: str, target: str) -> list[str]:
    """Files in one of the languages, of a name that no other file has in any."""
    named = [(file.name, *_split_name(file.name)[:2]) for file in files]
    stems = Counter(stem for _, stem, ending in named if find_language(ending))
    return [
        name
        for name, stem, ending in named
        if stems[stem] == 1
        and any(rank(ending, language) is not None for language in (source, target))
        and not names_other_pair(stem.rpartition("/")[2], source, target)
    ]


def _only(found: dict[str, list[InputFile]], code: str, language: str) -> InputFile:
    """The one side of a Moses pair in a language.

    Raises:
        XnerError: there are several.
    """
    files = found[code]
    if len(files) > 1:
        raise XnerError(f"{files[0]} and {files[1]}: the same text twice; remove one of them")
    equal = [other for other in found if rank(other, language) == rank(code, language)]
    if code != language and len(equal) > 1:
        raise XnerError(
            f"{' and '.join(str(found[other][0]) for other in equal)}: each may be the text in {language}; "
            f"name the language as one of them does"
        )
    return files[0]


def _split_name(name: str) -> tuple[str, str, str]:
    """A path split before the last dot that is not of its compression or of `.txt`: stem, ending, and the rest."""
    whole = name
    for end in (*COMPRESSIONS, ".txt"):
        if name.lower().endswith(end):
            name = name[: -len(end)]
    stem, dot, ending = name.rpartition(".")
    return (stem, ending, whole[len(name) :]) if dot and "/" not in ending else (name, "", whole[len(name) :])


def _domain(stem: str, order: tuple[bool, str] | None) -> str:
    folder, _, name = stem.rpartition("/")
    if order is not None:
        # A file that is named by its languages alone is known by the folder or archive that it lies in.
        name = order[1] or folder.removesuffix(".zip").rpartition("/")[2]
    return domain_name(name)


def _abridged(names: list[str], most: int = 20) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "nothing but perhaps hidden files") + more
