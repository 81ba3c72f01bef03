"""Decoding: what kind of file the bytes are, and which text they hold."""

import codecs
import re

SIGNATURES = {
    b"PAR1": "parquet",
    b"PK\x03\x04": "a ZIP archive (Excel's .xlsx is one): save the sheet as CSV (UTF-8), or unpack the archive",
    b"\xd0\xcf\x11\xe0": "an old Office file (.xls, .doc): save the sheet as CSV (UTF-8)",
    b"\x89PNG": "a PNG image: pass a file of texts",
    b"\xff\xd8\xff": "a JPEG image: pass a file of texts",
    b"GIF8": "a GIF image: pass a file of texts",
    b"%PDF": "a PDF document: copy its questions and answers into a CSV file",
    b"\x1f\x8b": "compressed with gzip: unpack it with `gunzip` first",
    b"BZh": "compressed with bzip2: unpack it with `bunzip2` first",
    b"\x28\xb5\x2f\xfd": "compressed with Zstandard: unpack it with `unzstd` first",
    b"\xfd7zXZ": "compressed with xz: unpack it with `unxz` first",
    b"7z\xbc\xaf": "a 7-Zip archive: unpack it first",
    b"SQLite format 3": "an SQLite database: export the table as CSV",
    b"ARROW1": "an Arrow file: save it as Parquet or JSON Lines (`Dataset.to_json`)",
    b"\xff\xff\xff\xff": "an Arrow stream: save it as Parquet or JSON Lines (`Dataset.to_json`)",
    b"GGUF": "a model in GGUF: pass the data, and name the model with --model",
    b"\x93NUMPY": "a NumPy array: pass a file of texts",
    b"\x89HDF": "an HDF5 file: export its texts as CSV",
}
MARKS = (  # the longer ones first: UTF-32's begins like UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with a byte order mark"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
# Chinese encodings without a mark, and the lead bytes of their frequent characters and punctuation.
CHINESE = (
    ("cp950", range(0xA1, 0xC7), "cp950 (Big5, traditional Chinese)"),
    ("gb18030", range(0xA1, 0xD8), "GB 18030 (simplified Chinese)"),
)
FREQUENT = 0.85  # share of a real text's characters that are frequent ones; of any others about half are
SAMPLE = 200_000  # bytes that decide


class NotText(ValueError):
    """The bytes are no text; its message ends the sentence "FILE is …"."""


def signature(data: bytes) -> str:
    """What the first bytes say that the file is: "parquet", the end of a sentence about another kind, or ""."""
    return next((kind for mark, kind in SIGNATURES.items() if data.startswith(mark)), "")


def decode(data: bytes) -> tuple[str, str]:
    """The text, and the name of its encoding; NotText for what is no text.

    Without a byte order mark, UTF-8 is tried first, as hardly any other text is valid in it. Then cp950 and GB 18030,
    taken if their characters stand side by side and are mostly frequent ones, and at last Windows-1252 and latin-1, in
    which any bytes are text. So the name of an encoding other than UTF-8 and UTF-16 is a guess.
    """
    for mark, encoding, name in MARKS:
        if data.startswith(mark):
            return _strictly(data, encoding, name), name
    if b"\0" in data[:SAMPLE]:
        return _without_mark(data)
    try:
        return data.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError as error:
        cut_off = error.reason == "unexpected end of data" and error.start >= len(data) - 3
        if cut_off and error.start:
            # The last character is half there, so the file was not copied whole: its last row will say so.
            return data[: error.start].decode("utf-8"), "UTF-8"
    for encoding, frequent, name in CHINESE:
        text = _chinese(data, encoding, frequent)
        if text is not None:
            return text, name
    controls = sum(byte < 9 or 13 < byte < 32 for byte in data[:SAMPLE])
    if controls > len(data[:SAMPLE]) / 50:
        raise NotText("no text but binary data: pass JSON, JSON Lines, CSV or Parquet")
    try:
        return data.decode("cp1252"), "Windows-1252 (latin-1)"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"


def _strictly(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise NotText(f"marked as {name} and breaks off at byte {error.start + 1}: save it again as UTF-8") from None


def _without_mark(data: bytes) -> tuple[str, str]:
    """UTF-16 without its mark: ASCII characters, line ends at least, leave their NULs all on one side."""
    sample = data[:SAMPLE]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    if min(even, odd) * 20 <= max(even, odd):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            text = ""
        if text and not re.search(r"[\0-\x08\x0e-\x1f]", text):
            return text, "UTF-16 without a byte order mark"
    raise NotText("no text but binary data: pass JSON, JSON Lines, CSV or Parquet")


def _chinese(data: bytes, encoding: str, frequent: range) -> str | None:
    """The text if it is Chinese in this encoding: its characters have neighbours of their kind, and are frequent."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    sample = text[:SAMPLE]
    wide = re.findall(r"[^\x00-\x7f]", sample)
    runs = re.findall(r"[^\x00-\x7f]{2,}", sample)
    if not wide or sum(map(len, runs)) < len(wide) / 2:
        return None  # as in "naïve", read wrongly: one strange character among letters
    common = sum(char.encode(encoding)[0] in frequent for char in wide)
    return text if common >= FREQUENT * len(wide) else None
