"""MPI: the library that mpi4py loads, the launchers in the path, and whether they fit."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from sciml_datasets.doctor.child import Answer, answer, python, python_telling
from sciml_datasets.doctor.observation import Observation
from sciml_datasets.doctor.remedies import command, pip_install

SECONDS = 60.0
NUM_RANKS = 2
LIBRARY_CODE = """
import re
import mpi4py
mpi4py.rc.initialize = False
from mpi4py import MPI
try:
    lines = open("/proc/self/maps").read().split()
except OSError:
    lines = []
paths = [path for path in lines if re.search(r"/libmpi[^/]*\\.so[^/]*$", path)]
found = {"version": mpi4py.__version__, "library": MPI.Get_library_version(), "path": (paths or [""])[0]}
"""
"""Finds what mpi4py loads, without joining an MPI world: that may wait for ever."""
RANK_CODE = "import os; from mpi4py import MPI; os.write(1, b'size %d\\n' % MPI.COMM_WORLD.Get_size())"
"""Writes how many ranks there are, at once, so that the texts of ranks do not mingle."""
LAUNCHERS = ("mpiexec", "mpirun")
OPEN_MPI = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}
"""Variables by which Open MPI starts two ranks in containers and on machines of one core too."""
WITHOUT = "or use --jobs, which needs no MPI"
FITTING = (
    "use the launcher of that library (on clusters: its module), or point MPI4PY_LIBMPI to the launcher's libmpi.so"
)
SLURM = "give srun the --mpi of that library, pmix or pmi2 (srun --mpi=list)"


def observe_mpi(environ: Mapping[str, str]) -> Iterator[Observation]:
    """The library, the launchers, and how many ranks each launcher's ranks see.

    Args:
        environ: environment variables; ``PATH`` is searched.
    """
    found = answer(python_telling(LIBRARY_CODE), SECONDS)
    library, row = library_of(found)
    yield row
    launchers = launchers_in(environ.get("PATH", ""))
    for name, path in launchers.items():
        yield _tried(name, path, library)
    if not launchers:
        yield _beside_python(library)
    yield from _slurm(environ, library)


def _tried(name: str, path: str, library: str) -> Observation:
    if not library:
        return Observation(name, f"{path}, not tried, as mpi4py cannot be used")
    return fit_of(name, path, library, answer(ranks(path), SECONDS, OPEN_MPI))


def _beside_python(library: str) -> Observation:
    """The row where no launcher is in the path: an environment that is not activated may have one."""
    path = launchers_in(str(Path(sys.executable).parent)).get("mpiexec")
    if path is None:
        return Observation("mpiexec", "not in the path", "note", f"{pip_install('mpich')}, {WITHOUT}")
    found = _tried("mpiexec", path, library)
    if found.state != "ok":
        return found
    folder = command(Path(path).parent)
    return Observation("mpiexec", f"{found.found}; it is not in the path", "note", f"export PATH={folder}:$PATH")


def library_of(found: Answer) -> tuple[str, Observation]:
    """The first line of the library's version, empty where there is none, and the row for it."""
    if found.failure:
        remedy = f"{pip_install('sciml-datasets[mpi]')}, {WITHOUT}"
        return "", Observation("mpi4py", f"it cannot be used: {found.failure}", "note", remedy)
    content = found.value
    library = " ".join(content["library"].partition("\n")[0].split()).rstrip("\0")
    where = f", {content['path']}" if content["path"] else ""
    return library, Observation("mpi4py", f"{content['version']} loads {library}{where}")


def launchers_in(path: str) -> dict[str, str]:
    """Name and path of each launcher in a search path; of several in one folder, which are of one MPI, the first."""
    found: dict[str, str] = {}
    for name in LAUNCHERS:
        place = shutil.which(name, path=path)
        if place and Path(place).parent not in {Path(other).parent for other in found.values()}:
            found[name] = place
    return found


def ranks(launcher: str, *flags: str) -> list[str]:
    """The command that starts two ranks, each of which tells how many it sees."""
    return [launcher, *flags, "-n", str(NUM_RANKS), *python(RANK_CODE)]


def fit_of(name: str, path: str, library: str, found: Answer) -> Observation:
    """The row for a launcher, from what its ranks have written."""
    if found.failure:
        what = f"{path}: two ranks could not be started: {found.failure}"
        return Observation(name, what, "wrong", f"{FITTING}; {WITHOUT}")
    sizes = re.findall(r"size (\d+)", found.text)
    if sizes == [str(NUM_RANKS)] * NUM_RANKS:
        return Observation(name, f"{path}: two ranks were started, and each sees two")
    seen = f"{len(sizes)} of two ranks answered" if len(sizes) < NUM_RANKS else "each of two ranks sees one alone"
    remedy = SLURM if name == "srun" else FITTING
    return Observation(name, f"{path} does not fit {library}: {seen}", "wrong", f"{remedy}; {WITHOUT}")


def _slurm(environ: Mapping[str, str], library: str) -> Iterator[Observation]:
    """A row for srun, which starts ranks in an allocation alone: elsewhere it would wait in the queue."""
    path = shutil.which("srun", path=environ.get("PATH", ""))
    if path is None:
        return
    if "SLURM_JOB_ID" not in environ:
        yield Observation("srun", f"{path}, not tried outside of an allocation", "note", "salloc -n 2 sciml doctor")
    elif library:
        yield fit_of("srun", path, library, answer(ranks(path, "--overlap"), SECONDS))
