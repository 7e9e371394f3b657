"""Lines of annotated files, which are small enough to be read whole."""

from pathlib import Path

from xner_core.corpus.inputs import DAMAGE, InputFile
from xner_core.errors import XnerError
from xner_core.storage.files import locate

# What a file may hold, inflated.
MAX_BYTES = 512 << 20
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def read_lines(path: str | Path) -> list[str]:
    r"""The lines of a UTF-8 file, plain, `.gz` or `.xz`, which end at "\n" and nowhere else.

    Carriage returns before the "\n", and byte order marks at the start of a line (of files that were put together), are
    dropped.

    Raises:
        XnerError: no such file, a damaged one, one that holds more than `MAX_BYTES`, or one that is not UTF-8.
    """
    content = _content(Path(path))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        if content.startswith(_UTF_16):
            raise XnerError(f"{path}: is UTF-16; convert it, as in iconv -f UTF-16 -t UTF-8") from error
        line = content.count(b"\n", 0, error.start) + 1
        raise XnerError(
            f"{path}:{line}: not UTF-8 (byte 0x{content[error.start]:02x}); convert the file, "
            "as in iconv -f LATIN1 -t UTF-8 if it is Latin-1"
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise XnerError(f"{path}:{line}: holds a NUL character; is this UTF-8 text?")
    if "\n" not in text and "\r" in text.rstrip("\r"):
        raise XnerError(f"{path}: its lines end with a carriage return alone; convert it, as in tr '\\r' '\\n'")
    return [line.rstrip("\r").lstrip("\ufeff") for line in text.split("\n")]


def _content(path: Path) -> bytes:
    if path.is_dir():
        raise XnerError(f"{path}: is a folder; name a file of annotated sentences")
    if not path.is_file():
        raise XnerError(f"{path}: no such file")
    content = bytearray()
    try:
        for chunk in InputFile(locate(path), path.name).chunks():
            content += chunk
            if len(content) > MAX_BYTES:
                raise XnerError(
                    f"{path}: holds more than {MAX_BYTES >> 20} MiB; is this a file of annotated sentences?"
                )
    except DAMAGE as error:
        kind = "gzip " if path.suffix == ".gz" else "xz " if path.suffix == ".xz" else ""
        raise XnerError(f"{path}: damaged {kind}file ({error}); fetch it again") from error
    return bytes(content)
