"""Ingests that follow one another come out as an ingest of the last state alone would."""

import gzip
import json
import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xner_core.corpus import readers
from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.ingest import block_reading, writer
from xner_core.corpus.ingest.index import duplicates_path
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.ingest.ingestion import ingest_corpus
from xner_core.corpus.inputs import InputFile
from xner_core.corpus.layout import open_corpus
from xner_core.errors import XnerError
from xner_core.storage import file_identity as identity
from xner_core.storage.files import locate, read_table, write_table

CLEANING = CleaningSettings(max_characters=40, identify_language=False)


def ingest(corpus, out, **changes):
    changes = {"shard_pairs": 4, "cleaning": CLEANING} | changes
    return ingest_corpus(IngestSettings(str(corpus), str(out), "de", **changes))


def state(out) -> dict:
    """All of a corpus but how it came to be."""
    corpus = open_corpus(locate(out))
    left_out = ("settings", "index")
    return {
        "manifest": {name: value for name, value in corpus.manifest.items() if name not in left_out},
        "pairs": [read_table(locate(shard.path)).to_pylist() for shard in corpus.shards],
        "rejected": [read_table(file).to_pylist() for file in corpus.rejected_files],
        "duplicates": [path for path in corpus.manifest["index"]["files"] if "duplicates-" in path],
    }


def files(out) -> set[str]:
    return {file.relative_to(locate(out)) for file in locate(out).files()}


class Opened(list):
    """Names of the files that are opened for reading."""


@pytest.fixture
def opened(monkeypatch) -> Opened:
    names, real = Opened(), InputFile.open

    def note(file):
        names.append(file.name)
        return real(file)

    monkeypatch.setattr(InputFile, "open", note)
    return names


def write(path: Path, rows: list[tuple[str, str]], kind: str = ".tsv") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == ".tsv":
        path.with_name(path.name + ".tsv").write_text("".join(f"{source}\t{target}\n" for source, target in rows))
    elif kind == ".jsonl":
        lines = [{"source": source, "target": target, "domain": "ab"[len(source) % 2]} for source, target in rows]
        path.with_name(path.name + ".jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    elif kind == ".moses":
        for language, side in (("en", 0), ("de", 1)):
            text = "".join(row[side] + "\n" for row in rows).encode()
            path.with_name(f"{path.name}.{language}.gz").write_bytes(gzip.compress(text))
    else:
        with zipfile.ZipFile(path.with_name(path.name + ".zip"), "w") as archive:
            for language, side in (("en", 0), ("de", 1)):
                archive.writestr(f"inside.en-de.{language}", "".join(row[side] + "\n" for row in rows))


def remove(folder: Path, name: str) -> None:
    for path in folder.glob(f"{name}.*"):
        path.unlink()


# Few texts, so that the same ones come in several files; some empty, some too long, some equal after normalisation.
sentences = st.sampled_from(
    ["", "Eins.", "Zwei.", "Zwei.\u00a0", "Drei.", "x" * 41, *(f"Satz {n}." for n in range(12))]
)
rows = st.lists(st.tuples(sentences, sentences), max_size=14)
names = st.sampled_from("abcd")
kinds = st.sampled_from([".tsv", ".jsonl", ".moses", ".zip"])
steps = st.lists(
    st.tuples(st.just("write"), names, kinds, rows)
    | st.tuples(st.just("remove"), names, st.none(), st.none())
    | st.tuples(st.just("touch"), names, st.none(), st.none())
    | st.tuples(st.just("insert"), names, st.integers(0, 14), rows),
    min_size=1,
    max_size=4,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, min_size=1, max_size=5), st.integers(1, 5), st.integers(1, 6), st.booleans())
def test_equals_an_ingest_of_the_last_state(tmp_path_factory, sequence, shard_pairs, batch, keep):
    folder = tmp_path_factory.mktemp("incremental")
    text, out = folder / "text", folder / "run" / "corpus"
    text.mkdir()
    written: dict[str, tuple[str, list]] = {}
    if keep:
        # As in the folder of a projection, where nothing is deleted.
        (folder / "run" / "snapshots").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block_reading, "BATCH_PAIRS", batch)
        patch.setattr(writer, "REJECTED_PART_ROWS", batch)
        for number, changes in enumerate(sequence):
            for step, name, how, content in changes:
                if step == "write":
                    remove(text, name)
                    written[name] = (how, content)
                    write(text / name, content, how)
                elif name in written and step == "insert":
                    kind, before = written[name]
                    written[name] = (kind, [*before[:how], *content, *before[how:]])
                    write(text / name, written[name][1], kind)
                elif name in written and step == "touch":
                    for path in text.glob(f"{name}.*"):
                        os.utime(path, (1, 1))
                elif step == "remove":
                    remove(text, name)
                    written.pop(name, None)
            if not any(content for _, content in written.values()):
                continue
            fresh = folder / f"fresh-{number}"
            ingest(text, out, shard_pairs=shard_pairs)
            ingest(text, fresh, shard_pairs=shard_pairs)
            assert state(out) == state(fresh)
            if not keep:
                assert files(out) == files(fresh)


@pytest.fixture
def text(tmp_path, monkeypatch) -> Path:
    """Three files in two domains; what is written is taken to be settled at once."""
    monkeypatch.setattr(identity, "_SETTLED_SECONDS", -1)
    write(tmp_path / "text" / "a", [(f"One {n}.", f"Eins {n}.") for n in range(30)])
    write(tmp_path / "text" / "b", [("Common.", "Gemeinsam."), *((f"Two {n}.", f"Zwei {n}.") for n in range(30))])
    write(tmp_path / "text" / "more" / "b", [(f"Three {n}.", f"Drei {n}.") for n in range(30)])
    return tmp_path / "text"


def test_what_did_not_change_is_not_even_opened(text, tmp_path, opened):
    first = ingest(text, tmp_path / "out")
    assert (first["sources"], first["pairs_read"]) == ({"added": 3, "changed": 0, "removed": 0}, 91)
    opened.clear()
    again = ingest(text, tmp_path / "out")
    assert (again["status"], again["pairs_read"], again["files_written"]) == ("nothing to do", 0, 0)
    assert "none of 3 sources has changed" in again["reason"]
    assert opened == []

    write(text / "c", [("New.", "Neu.")])
    added = ingest(text, tmp_path / "out")
    assert (added["sources"], added["pairs_read"]) == ({"added": 1, "changed": 0, "removed": 0}, 1)
    assert set(opened) == {"c.tsv"}

    opened.clear()
    write(text / "b", [("Common.", "Gemeinsam.")])
    changed = ingest(text, tmp_path / "out")
    assert (changed["sources"], changed["pairs_read"]) == ({"added": 0, "changed": 1, "removed": 0}, 1)
    assert set(opened) == {"b.tsv"}

    opened.clear()
    remove(text, "c")
    removed = ingest(text, tmp_path / "out")
    assert (removed["sources"], removed["pairs_read"]) == ({"added": 0, "changed": 0, "removed": 1}, 0)
    assert opened == []
    ingest(text, tmp_path / "fresh")
    assert state(tmp_path / "out") == state(tmp_path / "fresh")


def test_a_pair_whose_first_source_is_removed_comes_back_from_the_second(text, tmp_path, opened):
    write(text / "0", [("Common.", "Gemeinsam."), ("Two 5.", "Zwei 5.")])
    ingest(text, tmp_path / "out")
    kept = {(row["source_text"], row["origin"]) for shard in state(tmp_path / "out")["pairs"] for row in shard}
    assert {("Common.", "0.tsv"), ("Two 5.", "0.tsv")} <= kept
    remove(text, "0")
    opened.clear()
    result = ingest(text, tmp_path / "out")
    assert (result["rejected"]["duplicate"], opened) == (0, [])
    kept = {(row["source_text"], row["origin"]) for shard in state(tmp_path / "out")["pairs"] for row in shard}
    assert {("Common.", "b.tsv"), ("Two 5.", "b.tsv")} <= kept
    # And is a duplicate again when it is back.
    write(text / "0", [("Two 5.", "Zwei 5.")])
    assert ingest(text, tmp_path / "out")["rejected"]["duplicate"] == 1


def test_a_file_that_was_only_touched_is_not_cleaned_again(text, tmp_path, opened):
    ingest(text, tmp_path / "out")
    opened.clear()
    os.utime(text / "a.tsv", (1, 1))
    again = ingest(text, tmp_path / "out")
    assert (again["status"], opened) == ("nothing to do", [])
    # Its content was compared, and its time is known from now on.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identity.hashlib, "file_digest", lambda *_: pytest.fail("read again"))
        assert ingest(text, tmp_path / "out")["status"] == "nothing to do"


def test_a_change_that_keeps_size_and_time_is_found(text, tmp_path):
    ingest(text, tmp_path / "out")
    path = text / "a.tsv"
    before = path.stat()
    path.write_text(path.read_text().replace("Eins 7.", "Acht 7."))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert ingest(text, tmp_path / "out")["sources"]["changed"] == 1


def test_a_file_written_just_before_is_compared_by_its_content(text, tmp_path, monkeypatch):
    monkeypatch.setattr(identity, "_SETTLED_SECONDS", 60)
    ingest(text, tmp_path / "out")
    # A clock that stands still: the stamp does not change, and the content does.
    real = identity._stamp
    stamps = {path: real(locate(path)) for path in text.rglob("*.tsv")}
    (text / "a.tsv").write_text((text / "a.tsv").read_text().replace("Eins 7.", "Acht 7."))
    monkeypatch.setattr(identity, "_stamp", lambda file: stamps[Path(file.path)])
    assert ingest(text, tmp_path / "out")["sources"]["changed"] == 1


def test_a_file_that_changes_while_it_is_read_is_refused(text, tmp_path, monkeypatch):
    real = readers.read_lines

    def append(file):
        yield from real(file)
        with open(file.location.path, "a") as growing:
            growing.write("More.\tMehr.\n")

    monkeypatch.setattr(readers, "read_lines", append)
    with pytest.raises(XnerError, match=r"a\.tsv: changed while it was read"):
        ingest(text, tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_other_settings_read_everything_again(text, tmp_path):
    ingest(text, tmp_path / "out")
    other = CleaningSettings(max_characters=7, identify_language=False)
    assert ingest(text, tmp_path / "out", cleaning=other)["sources"]["changed"] == 3
    ingest(text, tmp_path / "fresh", cleaning=other)
    assert state(tmp_path / "out") == state(tmp_path / "fresh")


def test_other_shards_read_nothing_again(text, tmp_path, opened):
    ingest(text, tmp_path / "out")
    opened.clear()
    assert ingest(text, tmp_path / "out", shard_pairs=9)["status"] == "done"
    assert opened == []
    ingest(text, tmp_path / "fresh", shard_pairs=9)
    assert state(tmp_path / "out") == state(tmp_path / "fresh")


@pytest.mark.parametrize("kind", ["pairs", "rejected", "index"])
def test_a_corpus_of_which_a_file_is_lost_is_made_anew(text, tmp_path, kind, caplog):
    write(text / "d", [("", "Leer.")])
    ingest(text, tmp_path / "out")
    lost = next((tmp_path / "out" / kind).rglob("*.parquet"))
    lost.unlink()
    assert ingest(text, tmp_path / "out")["status"] == "done"
    assert f"{lost.name} is missing; all sources are read again" in caplog.text
    ingest(text, tmp_path / "fresh")
    assert state(tmp_path / "out") == state(tmp_path / "fresh")
    assert lost.exists()


def test_a_corpus_of_an_earlier_version_is_read_anew(text, tmp_path):
    ingest(text, tmp_path / "out")
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    del manifest["index"]
    (tmp_path / "out/manifest.json").write_text(json.dumps(manifest))
    assert ingest(text, tmp_path / "out")["pairs_read"] == 91
    assert "index" in json.loads((tmp_path / "out/manifest.json").read_text())


def test_a_corpus_of_before_malformed_lines_were_kept_is_read_anew(text, tmp_path):
    """As commit 4b02e93 left it: its manifest and indices lack what is known of malformed lines and turned sources."""
    ingest(text, tmp_path / "out")
    path = tmp_path / "out/manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["warnings"]
    paths = manifest["index"]["files"]
    for number, source in enumerate(manifest["index"]["sources"]):
        del source["reasons"], source["turned"]
        old = f"{number:032}"
        lacking = read_table(locate(tmp_path / f"out/index/{source['index']}.parquet")).drop_columns("fault")
        write_table(locate(tmp_path / f"out/index/{old}.parquet"), lacking)
        paths.append(f"index/{old}.parquet")
        source["index"] = old
    marks = next(name for name in paths if "duplicates" in name)
    names = duplicates_path([source["index"] for source in manifest["index"]["sources"]])
    (tmp_path / "out" / marks).rename(tmp_path / "out" / names)
    paths[paths.index(marks)] = names
    path.write_text(json.dumps(manifest))
    assert sum(shard.pairs for shard in open_corpus(locate(tmp_path / "out")).shards) == manifest["kept"]
    assert ingest(text, tmp_path / "out")["sources"] == {"added": 0, "changed": 3, "removed": 0}
    ingest(text, tmp_path / "fresh")
    assert state(tmp_path / "out") == state(tmp_path / "fresh")
    assert files(tmp_path / "out") == files(tmp_path / "fresh")


def test_in_an_object_store(text, tmp_path, s3_folder, opened):
    """The corpus and its texts both lie there; files are told by their ETags."""
    remote = locate(s3_folder)

    def upload(path: Path) -> None:
        with (remote / "text" / path.relative_to(text).as_posix()).open_output() as stream:
            stream.write(path.read_bytes())

    for path in text.rglob("*.tsv"):
        upload(path)
    corpus, out = f"{s3_folder}/text", f"{s3_folder}/out"
    ingest(corpus, out)
    opened.clear()
    assert ingest(corpus, out)["status"] == "nothing to do"
    assert opened == []
    write(text / "b", [("Common.", "Gemeinsam."), ("Two 5.", "Zwei 5.")])
    upload(text / "b.tsv")
    (remote / "text" / "more" / "b.tsv").delete()
    (text / "more" / "b.tsv").unlink()
    assert ingest(corpus, out)["sources"] == {"added": 0, "changed": 1, "removed": 1}
    assert set(opened) == {"b.tsv"}
    ingest(text, tmp_path / "fresh")
    remote_state, local_state = state(out), state(tmp_path / "fresh")
    # Named by the identities of the files, which an object store gives otherwise.
    assert len(remote_state.pop("duplicates")) == len(local_state.pop("duplicates")) == 1
    assert remote_state == local_state


def test_a_failure_leaves_the_earlier_corpus_and_is_taken_up(text, tmp_path, monkeypatch):
    ingest(text, tmp_path / "out")
    before = state(tmp_path / "out"), files(tmp_path / "out")
    write(text / "a", [(f"Other {n}.", f"Andere {n}.") for n in range(20)])
    monkeypatch.setattr(writer, "write_json", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        ingest(text, tmp_path / "out")
    monkeypatch.undo()
    monkeypatch.setattr(identity, "_SETTLED_SECONDS", -1)
    assert state(tmp_path / "out") == before[0]
    assert files(tmp_path / "out") >= before[1]
    ingest(text, tmp_path / "out")
    ingest(text, tmp_path / "fresh")
    assert state(tmp_path / "out") == state(tmp_path / "fresh")
