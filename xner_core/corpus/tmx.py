"""Translation memories (TMX 1.4), read as a stream of events in memory that does not grow with the file."""

import codecs
import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from xner_core.corpus.inputs import DAMAGE, MAX_LINE_BYTES, InputFile, damaged
from xner_core.corpus.naming import WIDER, rank
from xner_core.corpus.readers import RawPair, faulty
from xner_core.errors import XnerError

MAX_DEPTH = 100
# A character of no text, which XML allows, in the place of each byte that is not UTF-8, and each character that XML
# does not allow.
_MARK = "\ufdd0"
_NOT_ALLOWED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_OTHER_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*\sencoding\s*=\s*["'](?!utf-?8["'])""", re.IGNORECASE)
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00<", b"<\x00")

codecs.register_error("xner-mark", lambda error: (_MARK * (error.end - error.start), error.end))


def read_tmx(file: InputFile, source: str, target: str) -> Iterator[RawPair]:
    """The segments of each translation unit that has both languages; of several variants of one the closest, and of
    equally close ones the first.

    A language takes its regions (`en` takes `EN-GB`), and codes of other standards (`eng`); a code with subtags of its
    own takes only what agrees with them. Elements may be in a namespace, as those of TMX 1.4b are, or in none. The text
    of a segment leaves out the native codes inside inline elements (TMX 1.4b, "Content markup").

    Raises:
        XnerError: the document is not well-formed, is nested too deeply, holds too long a segment, or declares an
            entity, which is refused.
    """
    units = _TranslationUnits(file, source, target)
    parser = DefusedXMLParser(target=units)
    expat = units.expat = parser.parser
    fed = 0
    try:
        for piece in _text(file):
            parser.feed(piece)
            fed += len(piece)
            yield from units.finished
            units.finished.clear()
            # The second: a tag, comment or the like that does not end.
            if max(units.characters, fed - max(expat.CurrentByteIndex, 0)) > MAX_LINE_BYTES:
                raise XnerError(
                    f"{file}, line {expat.CurrentLineNumber}: a segment of over {MAX_LINE_BYTES:,} characters"
                )
        parser.close()
    except DAMAGE as error:
        raise damaged(file, expat.CurrentLineNumber, error) from error
    except ParseError as error:
        raise XnerError(f"{file}: not well-formed TMX, or truncated ({error})") from error
    except DefusedXmlException as error:
        raise XnerError(
            f"{file}, line {expat.CurrentLineNumber}: refused, for it declares an XML entity ({error!r}); "
            "remove the declaration"
        ) from error
    # What precedes the end of the document came in the last pieces.
    yield from units.finished


def _text(file: InputFile) -> Iterator[bytes]:
    """The document's bytes; of one in UTF-8, with marks in the place of what would end the parsing."""
    decoder = None
    for number, chunk in enumerate(file.chunks()):
        if number == 0 and not (chunk.startswith(_UTF16_MARKS) or _OTHER_ENCODING.match(chunk)):
            decoder = codecs.getincrementaldecoder("utf-8")("xner-mark")
        yield _marked(decoder.decode(chunk)) if decoder else chunk
    if decoder:
        yield _marked(decoder.decode(b"", final=True))


def _marked(text: str) -> bytes:
    return _NOT_ALLOWED.sub(_MARK, text).encode()


class _TranslationUnits:
    """The parser's target: keeps the translation unit at hand, and those finished since the last look."""

    CODES = frozenset({"bpt", "ept", "it", "ph", "ut"})
    LANG = "{http://www.w3.org/XML/1998/namespace}lang"

    def __init__(self, file: InputFile, source: str, target: str) -> None:
        self.file = file
        self.languages = (source, target)
        self.expat: Any = None
        self.finished: list[RawPair] = []
        self.characters = 0
        self._depth = 0
        # Of each side how close the variant at hand is, and its text.
        self._texts: list[tuple[int, str] | None] = [None, None]
        self._language = ""
        self._segment: list[str] | None = None
        self._code_depth = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise XnerError(
                f"{self.file}, line {self.expat.CurrentLineNumber}: elements nested over {MAX_DEPTH} deep; is this TMX?"
            )
        tag = _local(tag)
        if tag == "tu":
            self._texts = [None, None]
        elif tag == "tuv":
            self._language = attributes.get(self.LANG) or next(
                (value for name, value in attributes.items() if _local(name) == "lang"), ""
            )
        elif tag == "seg":
            self._segment, self.characters, self._code_depth = [], 0, 0
        elif tag in self.CODES:
            self._code_depth += 1

    def data(self, text: str) -> None:
        if self._segment is not None and not self._code_depth:
            self._segment.append(text)
            self.characters += len(text)

    def end(self, tag: str) -> None:
        self._depth -= 1
        tag = _local(tag)
        if tag in self.CODES:
            self._code_depth -= 1
        elif tag == "seg" and self._segment is not None:
            for side, wanted in enumerate(self.languages):
                close = rank(self._language.strip(), wanted)
                best = self._texts[side]
                if close is not None and close <= WIDER and (best is None or close < best[0]):
                    self._texts[side] = (close, "".join(self._segment))
            self._segment, self.characters = None, 0
        elif tag == "tu":
            one, other = self._texts
            if one is None or other is None:
                return
            self.finished.append(self._pair(one[1], other[1]))
            self._texts = [None, None]

    def _pair(self, source: str, target: str) -> RawPair:
        line = self.expat.CurrentLineNumber
        if _MARK in source or _MARK in target:
            what = "bytes that are not UTF-8, or characters that XML does not allow"
            return faulty(self.file, line, what, source.replace(_MARK, "\ufffd"), target.replace(_MARK, "\ufffd"))
        return RawPair(source, target, line)

    def close(self) -> None:
        """Part of the parser's interface; there is no tree to return."""


def _local(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition("}")[2]
