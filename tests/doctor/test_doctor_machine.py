"""What `sciml doctor` finds of the machine: packages, Keras, devices, MPI, HDF5, limits, network, kernel."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import MPIEXEC, needs_mpi

from sciml_datasets.doctor import network
from sciml_datasets.doctor.child import Answer, answer, python
from sciml_datasets.doctor.devices import devices_of
from sciml_datasets.doctor.hdf5_filters import filters_of, observe_hdf5
from sciml_datasets.doctor.keras_settings import observe_keras
from sciml_datasets.doctor.kernel import observe_kernel
from sciml_datasets.doctor.limits import allowed_bytes, available_bytes, cores, memory, open_files
from sciml_datasets.doctor.mpi import fit_of, launchers_in, library_of, observe_mpi, ranks
from sciml_datasets.doctor.network import observe_network
from sciml_datasets.doctor.observation import Observation
from sciml_datasets.doctor.versions import observe_packages, observe_python
from sciml_datasets.models.keras_json import keras_folder
from sciml_datasets.sandbox import Protection

SECRET = "s3cr3t"


def states(rows: Iterator[Observation]) -> dict[str, str]:
    return {row.subject: row.state for row in rows}


@pytest.mark.parametrize(
    ("command", "failure"),
    [
        (python("import os; os.abort()"), "it was ended by SIGABRT"),
        (python("raise ValueError('of its own')"), "ValueError: of its own"),
        (python("raise SystemExit(3)"), "it ended with the exit code 3"),
        (["sh", "-c", "sleep 60 & sleep 60"], "it did not end in 0.1 s"),
        (["/nonexistent/program"], "it cannot be started: No such file or directory"),
    ],
)
def test_how_a_program_fails_is_a_clause(command: list[str], failure: str) -> None:
    assert answer(command, 0.1 if command[0] == "sh" else 60) == Answer("", failure)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Metadata of an installed package, without the lines of its requirements."""
    metadata = tmp_path / "spectra-1.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: spectra\nVersion: 1.0\nProvides-Extra: gpu\n")
    monkeypatch.syspath_prepend(tmp_path)
    return metadata


@pytest.mark.parametrize(
    ("line", "subject", "state"),
    [
        ("Requires-Dist: numpy>=1", "numpy", "ok"),
        ("Requires-Dist: numpy<1", "numpy", "wrong"),
        ("Requires-Dist: no-such-package>=2", "no-such-package", "wrong"),
        ("Requires-Dist: no-such-package>=2; extra == 'gpu'", "no-such-package", None),
        ("Requires-Dist: numpy<1; extra == 'gpu'", "numpy", "wrong"),
        ("Requires-Dist: numpy<1; sys_platform == 'win32'", "numpy", None),
        ("Requires-Python: >=3.11", "Python", "ok"),
        ("Requires-Python: <3", "Python", "wrong"),
    ],
)
def test_versions_are_compared_with_the_declared_ranges(
    installed: Path, line: str, subject: str, state: str | None
) -> None:
    installed.write_text(f"{installed.read_text()}{line}\n")
    assert (states(observe_python("spectra")) | states(observe_packages("spectra"))).get(subject) == state


def test_a_package_that_does_not_fit_is_mended_by_pip_of_this_python(installed: Path) -> None:
    installed.write_text(f"{installed.read_text()}Requires-Dist: no-such-package>=2\n")
    (row,) = observe_packages("spectra")
    assert row.remedy == f"{sys.executable} -m pip install 'no-such-package>=2'"


def test_a_package_that_is_not_installed_is_told() -> None:
    assert states(observe_python("no-such-package"))["no-such-package"] == "wrong"
    assert [*observe_packages("no-such-package")] == []


@pytest.mark.parametrize(
    ("content", "state"),
    [
        ("{}", "ok"),
        ('{"backend": "tensorflow", "floatx": "float32"}', "ok"),
        ('{"backend": "torch"}', "note"),
        ('{"image_data_format": "channels_first"}', "note"),
        ('{"epsilon": 1e-3}', "note"),
        ("no JSON", "note"),
        ("[]", "wrong"),
        ('{"floatx": "bfloat16"}', "wrong"),
        ('{"epsilon": 1}', "wrong"),
    ],
)
def test_keras_json_is_read_as_keras_reads_it(content: str, state: str, tmp_path: Path) -> None:
    (tmp_path / "keras.json").write_text(content)
    assert states(observe_keras({"KERAS_HOME": str(tmp_path)}, None))["keras.json"] == state


@pytest.mark.parametrize(("backend", "state"), [("tensorflow", "ok"), ("", "ok"), ("torch", "note")])
def test_another_backend_is_a_note(backend: str, state: str, tmp_path: Path) -> None:
    environment = {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": backend}
    assert states(observe_keras(environment, None))["KERAS_BACKEND"] == state


def test_without_a_home_keras_has_its_file_in_tmp() -> None:
    assert keras_folder({}, None) == Path("/tmp/.keras")


@pytest.mark.parametrize(
    ("devices", "driver", "environment", "state"),
    [
        ([["CPU", ""]], False, {}, "ok"),
        ([["CPU", ""], ["GPU", "H100"]], True, {}, "ok"),
        ([["CPU", ""]], True, {}, "wrong"),
        ([["CPU", ""]], True, {"CUDA_VISIBLE_DEVICES": ""}, "note"),
    ],
)
def test_a_gpu_that_tensorflow_does_not_see_is_wrong(
    devices: list[list[str]], driver: bool, environment: dict[str, str], state: str
) -> None:
    found = Answer(json.dumps({"version": "2.21.0", "devices": devices}), "")
    assert states(devices_of(found, environment, driver=driver)) == {"TensorFlow": "ok", "GPU": state}


def test_tensorflow_that_crashes_is_a_row() -> None:
    (row,) = devices_of(Answer("", "it was ended by SIGILL"), {}, driver=False)
    assert (row.state, row.found) == ("wrong", "it cannot be used: it was ended by SIGILL")


@needs_mpi
def test_a_launcher_that_fits_is_told() -> None:
    rows = [*observe_mpi({"PATH": str(Path(str(MPIEXEC)).parent)})]
    assert [(row.subject, row.state) for row in rows] == [("mpi4py", "ok"), ("mpiexec", "ok")]
    assert rows[1].found.endswith("two ranks were started, and each sees two")


@needs_mpi
def test_a_launcher_of_another_mpi_is_wrong(tmp_path: Path) -> None:
    launcher = tmp_path / "mpiexec"
    launcher.write_text('#!/bin/sh\nshift 2\n"$@"\n"$@"\n')
    launcher.chmod(0o755)
    row = fit_of("mpiexec", str(launcher), "MPICH Version: 5.0.2", answer(ranks(str(launcher)), 60))
    assert (row.state, "each of two ranks sees one alone" in row.found) == ("wrong", True)


@pytest.mark.parametrize(
    ("found", "clause"),
    [
        (Answer("", "it did not end in 60 s"), "two ranks could not be started: it did not end in 60 s"),
        (Answer("size 2\n", ""), "1 of two ranks answered"),
        (Answer("", ""), "0 of two ranks answered"),
    ],
)
def test_ranks_that_do_not_answer_are_wrong(found: Answer, clause: str) -> None:
    row = fit_of("mpirun", "/usr/bin/mpirun", "Open MPI v5.0.1", found)
    assert (row.state, clause in row.found) == ("wrong", True)


def test_without_mpi_jobs_are_the_remedy() -> None:
    library, row = library_of(Answer("", "RuntimeError: cannot load MPI library"))
    assert (library, row.state) == ("", "note")
    assert row.remedy.endswith("or use --jobs, which needs no MPI")


def test_launchers_of_one_mpi_are_tried_once(tmp_path: Path) -> None:
    for name in ("mpiexec", "mpirun"):
        (tmp_path / name).touch(0o755)
    assert launchers_in(str(tmp_path)) == {"mpiexec": str(tmp_path / "mpiexec")}


def test_srun_is_not_tried_outside_of_an_allocation(tmp_path: Path) -> None:
    (tmp_path / "srun").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "srun").chmod(0o755)
    row = [*observe_mpi({"PATH": str(tmp_path)})][-1]
    assert (row.subject, row.state, row.remedy) == ("srun", "note", "salloc -n 2 sciml doctor")


def test_filters_of_hdf5_are_told() -> None:
    version, filters = observe_hdf5()
    assert (version.state, filters.state) == ("ok", "ok")
    assert "blosc" in filters.found


def test_a_filter_that_is_missing_is_wrong() -> None:
    content = {"hdf5": "1.14.6", "h5py": "3.14.0", "filters": {"gzip": True, "shuffle": True, "blosc": False}}
    *_, row = filters_of(Answer(json.dumps(content), ""))
    assert (row.state, row.found) == ("wrong", "missing: blosc (the prebuilt file of CANDLE-UNO)")


@pytest.mark.parametrize(
    ("row", "state", "remedy"),
    [
        (open_files(1024, 4096), "ok", ""),
        (open_files(64, 128), "wrong", "ulimit -n 128"),
        (open_files(64, -1), "wrong", "ulimit -n 4096"),
        (cores(2, 2), "ok", ""),
        (cores(2, 64), "note", "give --jobs 2"),
        (memory(None, None), "ok", ""),
        (memory(64 * 10**9, None), "ok", ""),
        (memory(64 * 10**9, 10**9), "note", "give fewer --jobs, or a smaller --batch-size"),
    ],
)
def test_a_limit_is_compared_with_what_is_needed(row: Observation, state: str, remedy: str) -> None:
    assert (row.state, row.remedy) == (state, remedy)


def test_the_least_limit_of_the_control_groups_holds(tmp_path: Path) -> None:
    (tmp_path / "job" / "step").mkdir(parents=True)
    (tmp_path / "membership").write_text("0::/job/step\n")
    for folder, text in (("job", "4000"), ("job/step", "max")):
        (tmp_path / folder / "memory.max").write_text(f"{text}\n")
    assert allowed_bytes(tmp_path / "membership", tmp_path) == 4000


def test_available_memory_is_told_in_bytes(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    3 kB\n")
    assert available_bytes(tmp_path / "meminfo") == 3072


def test_no_value_of_a_variable_is_shown(tmp_path: Path) -> None:
    names = (*network.PROXIES, *network.S3, *network.FILES, *network.OTHERS, *network.CERTIFICATES, network.OFFLINE)
    environment = dict.fromkeys(names, f"https://user:{SECRET}@host")
    environment |= {name.upper(): f"http://{SECRET}" for name in network.PROXIES}
    (tmp_path / ".netrc").write_text(f"password {SECRET}\n")
    rows = [*observe_network(environment, tmp_path)]
    assert SECRET not in repr(rows)
    assert all(any(name in row.subject + row.found for row in rows) for name in environment)


@pytest.mark.parametrize(
    ("environment", "subject", "state"),
    [
        ({}, "proxies", "ok"),
        ({"https_proxy": "http://a", "HTTPS_PROXY": "http://b"}, "https_proxy", "note"),
        ({"AWS_ACCESS_KEY_ID": "x"}, "AWS_ACCESS_KEY_ID", "wrong"),
        ({"AWS_SECRET_ACCESS_KEY": "x"}, "AWS_SECRET_ACCESS_KEY", "wrong"),
        ({"AWS_PROFILE": "x"}, "AWS_PROFILE", "wrong"),
        ({"SSL_CERT_FILE": "/nonexistent"}, "SSL_CERT_FILE", "wrong"),
        ({"GOOGLE_APPLICATION_CREDENTIALS": "/nonexistent"}, "GOOGLE_APPLICATION_CREDENTIALS", "wrong"),
        ({"SCIML_OFFLINE": "1"}, "SCIML_OFFLINE", "note"),
    ],
)
def test_what_keeps_fetch_from_its_source_is_told(
    environment: dict[str, str], subject: str, state: str, tmp_path: Path
) -> None:
    assert states(observe_network(environment, tmp_path))[subject] == state


@pytest.mark.parametrize(("mode", "state"), [(0o600, "ok"), (0o644, "note")])
def test_passwords_that_others_may_read_are_told(mode: int, state: str, tmp_path: Path) -> None:
    (tmp_path / ".netrc").touch(mode)
    (tmp_path / ".netrc").chmod(mode)
    assert states(observe_network({}, tmp_path))[".netrc"] == state


@pytest.mark.parametrize(("found", "state"), [(Protection(4, True), "ok"), (Protection(0, True), "note")])
def test_what_the_kernel_leaves_open_is_a_note(found: Protection, state: str) -> None:
    (row,) = observe_kernel(found)
    assert row.state == state
    assert all(what in row.found for what in found.left_open)
