"""The sources of raw files: each kind, and those that the benchmarks declare."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fetch_servers import BUCKET, PREFIX, SIZES, Fault, http_server, proxy, write_mirror
from fetching import cli, content, fetched

from sciml_datasets import BENCHMARKS
from sciml_datasets.benchmark import GlobusSource, Source
from sciml_datasets.cli.main import main


@pytest.mark.parametrize("kind", ["folder", "file", "memory", "http", "s3"])
def test_every_kind_of_source_gives_the_same_bytes(
    kind: str, mirror: Path, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source: str | Source = {"folder": str(mirror), "file": mirror.as_uri(), "memory": "memory://mirror"}.get(kind, "")
    if kind == "memory":
        import fsspec

        fsspec.filesystem("memory").put(str(mirror), "/mirror", recursive=True)
    elif kind == "http":
        source = request.getfixturevalue("http")
    elif kind == "s3":
        monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("s3"))
        source = f"s3://{BUCKET}/{PREFIX}"
    report = fetched(tmp_path, source)
    assert (report.fetched, report.arrived, report.failures) == (3, sum(SIZES.values()), ())
    assert content(tmp_path / "cloudmask") == content(mirror)


def test_the_declared_sources_are_read_as_they_are_declared(
    s3: str, http: str, mirror: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (cloudmask,) = BENCHMARKS["cloudmask"].sources["cloudmask"]
    assert isinstance(cloudmask, Source)
    assert cloudmask.endpoint == "https://s3.echo.stfc.ac.uk"
    fetched(tmp_path, replace(cloudmask, endpoint=s3))
    assert content(tmp_path / "cloudmask") == content(mirror)

    (uno,) = BENCHMARKS["candle_uno"].sources["candle_uno"]
    assert isinstance(uno, Source)
    tables = write_mirror(tmp_path_factory.mktemp("uno"), dict.fromkeys([*uno.files, "another"], 1000))
    (tables / "another").rename(tables / "not-listed")
    with http_server(tables) as url, proxy(url, lambda request: Fault(status=403)) as front:
        report = fetched(tmp_path, replace(uno, url=front.url), name="candle_uno")
        assert report.fetched == 7
        assert set(content(tmp_path / "candle_uno")) == set(uno.files)
        assert front.requests[0].method == "HEAD"  # a listing is not asked for: HTTP has none


@pytest.mark.parametrize(
    ("name", "place", "gigabytes"),
    [
        ("stemdl", "OLCF DOI-DOWNLOADS", 589),
        ("stemdl_preprocessed", "s3://sciml-datasets/ms/stemdl_ds1a", 35),
        ("cloudmask", "s3://sciml-datasets/es/cloud_slstr_ds1", 180),
        ("candle_uno", "http://ftp.mcs.anl.gov/pub/candle/public/benchmarks/Pilot1/combo", 0),
        ("candle_uno_growth", "http://ftp.mcs.anl.gov/pub/candle/public/benchmarks/Pilot1/combo", 0),
        ("candle_uno_pairs", "http://ftp.mcs.anl.gov/pub/candle/public/benchmarks/Pilot1/combo", 0),
    ],
)
def test_sources_are_declared_with_sizes_licence_and_terms(name: str, place: str, gigabytes: int) -> None:
    """The server of CANDLE-UNO returns its sizes on request; they are not published."""
    benchmark = next(row for row in BENCHMARKS.values() if name in row.sources)
    (source,) = benchmark.sources[name]
    assert (source.collection if isinstance(source, GlobusSource) else source.url) == place
    assert source.num_bytes // 10**9 == gigabytes
    assert source.num_files > 0
    assert benchmark.licence
    assert benchmark.terms


def test_info_shows_where_raw_files_come_from(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["info", "cloudmask", "--data-dir", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "source    s3://sciml-datasets/es/cloud_slstr_ds1: 1,070 files, 180 GB\n" in shown
    assert "terms     The scenes contain Copernicus Sentinel data." in shown


def test_another_form_of_the_same_data_comes_by_its_name(tmp_path: Path) -> None:
    mirror = write_mirror(tmp_path / "mirror", {"top_21_auc_1fold.uno.h5": 1000, "another.h5": 10})
    with http_server(mirror) as url:
        fetched(tmp_path / "raw", url, name="candle_uno", only=("top_21_auc_1fold.uno.h5",))
    assert set(content(tmp_path / "raw/candle_uno")) == {"top_21_auc_1fold.uno.h5"}


def test_stemdl_prints_the_globus_steps_and_then_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = cli(capsys, "stemdl", "--raw-dir", tmp_path)
    assert code == 1  # nothing was fetched
    assert "548.7 GiB" in out
    assert f"ORIGIN_ID:ORIGIN_PATH MINE:{tmp_path}/stemdl" in out
    assert out.index("globus transfer") < out.index(f"sciml verify stemdl --raw-dir {tmp_path}")
    assert not list(tmp_path.iterdir())


def test_stemdl_comes_from_a_mirror_too(tmp_path: Path) -> None:
    mirror = write_mirror(tmp_path / "mirror", {"train/batch_train_0.h5": 1000})
    fetched(tmp_path / "raw", str(mirror), name="stemdl")
    assert content(tmp_path / "raw" / "stemdl") == content(mirror)


def test_a_demo_is_simulated_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = cli(capsys, "cloudmask_demo", "--raw-dir", tmp_path)
    assert code == 2
    assert err == (
        "sciml fetch: cloudmask_demo is simulated, there is nothing to fetch: "
        "`sciml simulate cloudmask_demo --out RAW`\n"
    )
