"""Every place that replaces, removes or makes files, and the reason why nothing of a user can be lost there.

The places are found in the sources. One without a reason fails: write outputs through `sciml_datasets.files`, or say
here why nobody else's file can be hit.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("sciml_datasets", "metrics", "models", "cli")
REMOVING = {"rmtree", "unlink", "remove", "rmdir", "removedirs", "truncate", "ftruncate", "move", "renames"}
MAKING = {"write_text", "write_bytes", "copyfile", "copy_bytes", "copy2", "copytree"}
MAKING |= {"savefig", "savez", "touch", "save"}
NAMED = {
    "os.link",
    "os.symlink",
    "tempfile.mkdtemp",
    "tempfile.mkstemp",
    "tempfile.NamedTemporaryFile",
    "logging.FileHandler",
    "lmdb.open",
}
WRITES = re.compile(r"[wax][bt+]{0,2}|r[bt]?\+[bt]?")
"""Modes in which `open` may change a file."""
LOOKED_AT_ELSEWHERE = {"atomic.write_text", "atomic.copy", "checkpoints.save"}
NO_FILES = {"partial.remove", "extra.remove", "results.remove"}
"""Calls that only look like those of files: of `PartialFile` and `Results`, which have own entries, and of a list."""


def places() -> Iterator[str]:
    """``file:function:call`` of each call that removes, replaces or makes a file."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if room == "sciml_datasets" and path.relative_to(ROOT / room).parts[0] in ROOMS:
                continue  # the links to the other rooms
            for function, call in calls(ast.parse(path.read_text(encoding="utf-8")), "module"):
                if name := harm_of(call):
                    yield f"{path.relative_to(ROOT)}:{function}:{name}"


def calls(node: ast.AST, function: str) -> Iterator[tuple[str, ast.Call]]:
    """Each call below a node with the name of the innermost function that contains it."""
    for child in ast.iter_child_nodes(node):
        inner = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
        if isinstance(child, ast.Call):
            yield function, child
        yield from calls(child, inner)


def harm_of(call: ast.Call) -> str:
    """Name of what a call may do to a file that is there; empty where it does nothing."""
    name = called(call.func)
    method = name.rpartition(".")[2]
    if name in LOOKED_AT_ELSEWHERE | NO_FILES:
        return ""
    if method in REMOVING | MAKING or name in NAMED:
        return name
    if method in ("rename", "replace"):  # str.replace has two arguments, those of dates and dataclasses have names
        return name if len(call.args) == (2 if name.startswith("os.") else 1) and not call.keywords else ""
    if name == "os.open":
        return name if any(flag in ast.dump(call) for flag in ("O_CREAT", "O_TRUNC")) else ""
    if method in ("open", "File", "fdopen"):
        words = [
            word.value for word in (*call.args, *(k.value for k in call.keywords)) if isinstance(word, ast.Constant)
        ]
        return name if any(isinstance(word, str) and WRITES.fullmatch(word) for word in words) else ""
    return ""


def called(function: ast.expr) -> str:
    """Dotted name of what is called; a part that is no name is left out."""
    if isinstance(function, ast.Attribute):
        return f"{called(function.value)}.{function.attr}".lstrip(".")
    return function.id if isinstance(function, ast.Name) else ""


TEMPORARY = "a new temporary file of `atomic.writing`, with a random name"
OWN_WORK = "in a work folder that this run made under a random name beside the final one"
SCRATCH = "in a new folder of `tempfile`, for this process alone"
STREAM = "to a file object that the caller has opened by `atomic.writing`, or a pipe of this process"
RUN_FOLDER = (
    "by a fixed name in a run folder, which was empty at first or holds this run: see `RunFolder.check`, `goes_on`"
)
VACANT = (
    "a rename that gives a finished folder its name: rename(2) refuses files, links and folders with anything in them"
)
ARRIVING = (
    "in a folder below `.fetch` whose name has the hash of a path and a signature, and which holds our files alone"
)
LEFT_BY_US = "found by `interrupted`: a random name and nothing inside but what we write"
COPIES = "a copy of a raw file in a folder of this process, in a new folder with its signature beside temporary files"
ENDED = "a name that ends with the signature of a process that has ended, and nothing inside but what we write"
RECORD = (
    "a record of checksums below `.fetch` with the number of a process and random digits in its name, see `JOURNAL`"
)
RESUMED_LOG = "the log of a run that goes on, cut to the bytes of its checkpoint, as `RunFolder.goes_on` says"
KNOWN_WORK = "a work folder of this run, or of one that has ended: see `left_beside` and `abandoned`"
LOCK = "an empty file in the folder of the cache, opened and never written to"
CACHED = "in a folder of the cache whose name has 64 bits of a hash, and which holds copies of what is at a URL alone"
ASIDE = "to a name that is free, or whose file has the same content"
THROUGH = "written through to a device, a FIFO or an open file, or a file that no rename can replace"
NAMED_FILE = "to the one file that the user or a list of our own names, with its mode and owner"
ENDED_WRITER = "a name that holds the signature of a process that has ended"
LEFTOVER = "a name with a signature, see `TEMPORARY`, beside a file that only we write"
REASONS = {
    "sciml_datasets/parallel/beam.py:__init__:shutil.rmtree": ENDED,
    "sciml_datasets/parallel/beam.py:put:temporary.replace": OWN_WORK,
    "sciml_datasets/parallel/beam.py:put:temporary.write_bytes": OWN_WORK,
    "sciml_datasets/parallel/beam.py:remove:shutil.rmtree": OWN_WORK,
    "sciml_datasets/preparation/in_bucket.py:described:write_bytes": SCRATCH,
    "sciml_datasets/preparation/bucket_work.py:_upload:unlink": OWN_WORK,
    "sciml_datasets/preparation/bucket_work.py:scratch:shutil.rmtree": OWN_WORK,
    "sciml_datasets/preparation/in_folder.py:discard:shutil.rmtree": OWN_WORK,
    "sciml_datasets/preparation/planning.py:_forget:shutil.rmtree": OWN_WORK,
    "sciml_datasets/preparation/planning.py:_joined:shutil.rmtree": OWN_WORK,
    "sciml_datasets/preparation/planning.py:forget_index:shutil.rmtree": OWN_WORK,
    "sciml_datasets/preparation/raw_sources.py:_copy:path.open": COPIES,
    "sciml_datasets/object_stores/sparse_file.py:__init__:file.truncate": COPIES,
    "sciml_datasets/object_stores/sparse_file.py:__init__:self.path.open": COPIES,
    "sciml_datasets/object_stores/sparse_file.py:forget:self.path.open": COPIES,
    "sciml_datasets/object_stores/sparse_file.py:forget:file.truncate": COPIES,
    "cli/failures.py:fault_of:tempfile.NamedTemporaryFile": "a new file with a random name",
    "cli/streams.py:make_usable:os.fdopen": "the null device in the place of a closed stream",
    "cli/show.py:show:temporary.open": TEMPORARY,
    "sciml_datasets/leaderboard/site.py:_write:path.write_bytes": SCRATCH,
    "metrics/mllog.py:__init__:path.open": "made new (mode x), or appended to by the run that it belongs to",
    "metrics/mllog.py:_cut:os.truncate": RESUMED_LOG,
    "sciml_datasets/sandbox/process.py:_send_result:os.fdopen": STREAM,
    "sciml_datasets/sandbox/process.py:_close_inherited:os.fdopen": STREAM,
    "sciml_datasets/submissions/file_list.py:write_documents:pdf.write_bytes": SCRATCH,
    "sciml_datasets/submissions/file_list.py:write_documents:write_bytes": SCRATCH,
    "sciml_datasets/submissions/write.py:_write_runs:log.write_text": SCRATCH,
    "sciml_datasets/submissions/write.py:_write_runs:atomic.copy_bytes": SCRATCH,
    "sciml_datasets/submissions/file_list.py:write_new:shutil.rmtree": KNOWN_WORK,
    "sciml_datasets/submissions/file_list.py:write_new:work.rename": VACANT,
    "sciml_datasets/submissions/file_list.py:_write_config:temporary.write_bytes": TEMPORARY,
    "models/checkpoints.py:save:np.savez": TEMPORARY,
    "models/checkpoints.py:save:temporary.open": TEMPORARY,
    "models/checkpoints.py:save:path.replace": RUN_FOLDER,
    "models/run_lock.py:acquire:other.unlink": "a lock with the signature of a process that has ended, see `NAME`",
    "models/run_lock.py:acquire:self._path.touch": "a lock with the signature of this process in its name",
    "models/run_lock.py:release:self._path.unlink": "a lock with the signature of this process in its name",
    "models/plots.py:plot_confusion:figure.savefig": RUN_FOLDER,
    "models/plots.py:plot_history:figure.savefig": RUN_FOLDER,
    "models/run_folder.py:_write_history:temporary.open": TEMPORARY,
    "models/run_folder.py:_write_history:unlink": RUN_FOLDER,
    "models/run_folder.py:forget_states:path.unlink": RUN_FOLDER,
    "models/run_folder.py:start:path.unlink": RUN_FOLDER,
    "models/training.py:_trained:network.save": RUN_FOLDER,
    "sciml_datasets/files/text_writing.py:write_table:path.open": OWN_WORK,
    "sciml_datasets/candle_uno/forms/improve.py:write:atomic.copy_bytes": OWN_WORK,
    "sciml_datasets/candle_uno/forms/improve.py:write:write_text": OWN_WORK,
    "sciml_datasets/candle_uno/forms/improve_splits.py:write:write_text": OWN_WORK,
    "sciml_datasets/candle_uno/pictures.py:contact_sheet:figure.savefig": STREAM,
    "sciml_datasets/candle_uno/simulation/doses.py:_write:path.open": OWN_WORK,
    "sciml_datasets/candle_uno/simulation/doses.py:_write_pair_table:write_text": OWN_WORK,
    "sciml_datasets/candle_uno/simulation/tables.py:_write:path.open": OWN_WORK,
    "sciml_datasets/candle_uno/simulation/tables.py:_write_matrix:path.open": OWN_WORK,
    "sciml_datasets/candle_uno/simulation/tables.py:write_cell_tables:write_text": OWN_WORK,
    "sciml_datasets/candle_uno/simulation/tables.py:write_drug_info:path.write_text": OWN_WORK,
    "sciml_datasets/cloudmask/pictures.py:contact_sheet:figure.savefig": STREAM,
    "sciml_datasets/cloudmask/slstr.py:convert:h5py.File": "in memory",
    "sciml_datasets/cloudmask/slstr.py:convert:work.write_bytes": TEMPORARY,
    "sciml_datasets/object_stores/cache.py:_hold:os.open": LOCK,
    "sciml_datasets/object_stores/cache.py:moving:os.open": LOCK,
    "sciml_datasets/object_stores/cache.py:make_room:path.unlink": CACHED,
    "sciml_datasets/object_stores/cache.py:make_room:shutil.rmtree": CACHED,
    "sciml_datasets/object_stores/whole_files.py:_parts:copy.remove": CACHED,
    "sciml_datasets/object_stores/opening.py:opened:temporary.write_bytes": TEMPORARY,
    "sciml_datasets/object_stores/opening.py:opened:unlink": CACHED,
    "sciml_datasets/object_stores/partial_copy.py:_opened:os.ftruncate": CACHED,
    "sciml_datasets/object_stores/partial_copy.py:_opened:os.open": CACHED,
    "sciml_datasets/object_stores/partial_copy.py:_published:self._path.replace": CACHED,
    "sciml_datasets/object_stores/partial_copy.py:remove:self._map_path.unlink": CACHED,
    "sciml_datasets/object_stores/partial_copy.py:remove:self._path.unlink": CACHED,
    "sciml_datasets/object_stores/partial_copy.py:_published:self._path.unlink": CACHED,
    "sciml_datasets/object_stores/partial_copy.py:_published:self._map_path.unlink": CACHED,
    "sciml_datasets/fetch/partial_file.py:__init__:os.open": ARRIVING,
    "sciml_datasets/fetch/partial_file.py:_note:os.open": ARRIVING,
    "sciml_datasets/fetch/partial_file.py:clear:rmdir": "only an empty folder goes",
    "sciml_datasets/fetch/partial_file.py:clear:shutil.rmtree": ARRIVING,
    "sciml_datasets/fetch/partial_file.py:close:shutil.rmtree": ARRIVING,
    "sciml_datasets/fetch/partial_file.py:cut:os.ftruncate": ARRIVING,
    "sciml_datasets/fetch/partial_file.py:open_partial_file:left.rename": ARRIVING,
    "sciml_datasets/fetch/partial_file.py:open_partial_file:shutil.rmtree": ARRIVING,
    "sciml_datasets/fetch/partial_file.py:publish:self.path.replace": "a name that `is_there` found free",
    "sciml_datasets/fetch/partial_file.py:publish:self.remove": ARRIVING,
    "sciml_datasets/fetch/partial_file.py:remove:shutil.rmtree": ARRIVING,
    "sciml_datasets/fetch/run.py:_journal:os.fdopen": RECORD,
    "sciml_datasets/fetch/run.py:_journal:os.open": RECORD,
    "sciml_datasets/fetch/run.py:_merge:path.unlink": RECORD,
    "sciml_datasets/fetch/run.py:_take:journal.rename": RECORD,
    "sciml_datasets/fetch/checks.py:set_aside:path.replace": ASIDE,
    "sciml_datasets/files/atomic.py:_beside:os.open": TEMPORARY,
    "sciml_datasets/files/atomic.py:_beside:temporary.unlink": TEMPORARY,
    "sciml_datasets/files/atomic.py:_scratch:tempfile.mkstemp": "a new file with a random name",
    "sciml_datasets/files/atomic.py:_take_place:temporary.replace": NAMED_FILE,
    "sciml_datasets/files/atomic.py:copy:copy_bytes": TEMPORARY,
    "sciml_datasets/files/atomic.py:copy_bytes:target.open": "to where its callers, which are looked at, name",
    "sciml_datasets/files/atomic.py:link_or_copy:os.link": "link(2) refuses a name that is taken",
    "sciml_datasets/files/atomic.py:remove_leftovers:path.unlink": LEFTOVER,
    "sciml_datasets/files/atomic.py:remove_dead:temporary.unlink": ENDED_WRITER,
    "sciml_datasets/files/atomic.py:write_text:temporary.write_text": TEMPORARY,
    "sciml_datasets/files/atomic.py:writing:temporary.unlink": TEMPORARY,
    "sciml_datasets/files/in_place.py:_open_stream:os.open": THROUGH,
    "sciml_datasets/files/in_place.py:pour:os.fdopen": THROUGH,
    "sciml_datasets/files/lmdb_files.py:opened:lmdb.open": "opened with readonly=True",
    "sciml_datasets/files/hdf5_writing.py:truncate:truncate": OWN_WORK,
    "sciml_datasets/files/hdf5_writing.py:written:h5py.File": OWN_WORK,
    "sciml_datasets/files/atomic_folders.py:making:shutil.rmtree": OWN_WORK,
    "sciml_datasets/files/atomic_folders.py:making:work.rename": VACANT,
    "sciml_datasets/files/atomic_folders.py:publish:folder.rename": VACANT,
    "sciml_datasets/files/atomic_folders.py:remove_abandoned:shutil.rmtree": ENDED,
    "sciml_datasets/files/owned_files.py:remove_empty:folder.rmdir": "an empty folder alone",
    "sciml_datasets/files/owned_files.py:apply:path.unlink": "a file whose hash is still that of our own list",
    "sciml_datasets/lookup.py:save_metadata:np.save": OWN_WORK,
    "sciml_datasets/prepared/manifest.py:write_manifest:write_text": OWN_WORK,
    "sciml_datasets/prepared/overlaps.py:write_overlaps:write_text": OWN_WORK,
    "sciml_datasets/preparation/finish.py:_lay_beside:write_text": OWN_WORK,
    "sciml_datasets/preparation/shards.py:write_tfrecord:index_path.write_bytes": TEMPORARY,
    "sciml_datasets/preparation/sorting.py:_append:path.open": OWN_WORK,
    "sciml_datasets/preparation/sorting.py:spooled:shutil.rmtree": OWN_WORK,
    "sciml_datasets/preparation/work_folder.py:_link:new.unlink": OWN_WORK,
    "sciml_datasets/preparation/work_folder.py:journal:os.fdopen": OWN_WORK,
    "sciml_datasets/preparation/work_folder.py:journal:os.open": OWN_WORK,
    "sciml_datasets/preparation/work_folder.py:remove_interrupted:shutil.rmtree": LEFT_BY_US,
    "sciml_datasets/raw_tensor.py:save_metadata:write_text": OWN_WORK,
    "sciml_datasets/tfds_builder.py:save_metadata:write_text": OWN_WORK,
    "sciml_datasets/simulation.py:simulate:shutil.rmtree": OWN_WORK,
    "sciml_datasets/simulation.py:simulate:work.rename": VACANT,
    "sciml_datasets/prepared/members.py:write_members:path.open": OWN_WORK,
    "sciml_datasets/staging.py:_copy:atomic.copy_bytes": OWN_WORK,
    "sciml_datasets/staging.py:_copy:shutil.rmtree": OWN_WORK,
    "sciml_datasets/staging.py:_copy_file:target.open": OWN_WORK,
    "sciml_datasets/staging.py:_remove_abandoned:shutil.rmtree": LEFT_BY_US,
    "sciml_datasets/stemdl/pictures.py:contact_sheet:figure.savefig": STREAM,
    "sciml_datasets/stemdl_reconstruction/simulate.py:write_environment:lmdb.open": OWN_WORK,
    "sciml_datasets/stemdl_reconstruction/pictures.py:contact_sheet:figure.savefig": STREAM,
}
"""Each place to the reason why it is safe."""


def test_every_place_that_may_change_a_file_has_a_reason() -> None:
    without = sorted(set(places()) - REASONS.keys())
    assert not without, "say in REASONS why no file of a user can be lost there"


def test_no_reason_is_left_of_a_place_that_is_gone() -> None:
    assert sorted(REASONS.keys() - set(places())) == []
