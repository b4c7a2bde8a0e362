"""STEMDL reconstruction: the projected potential of a crystal from a scan of diffraction patterns."""

from __future__ import annotations

from sciml_datasets.benchmark import CORRELATION, ERROR, Benchmark, Criterion, DataSet, Reconstruction

BENCHMARK = Benchmark(
    name="stemdl_reconstruction",
    title="Projected potential of a crystal from a scan of diffraction patterns",
    task=Reconstruction(
        image="projected_potential",
        data_range=6.0,
        scan="cbed",
        atom_columns={"min_distance": 3, "threshold": 1.0, "max_distance": 3.0},
    ),
    datasets=(
        DataSet("stemdl_reconstruction", "1.0.0", "scans of 64 or 1,024 patterns, half precision, and the potential"),
        DataSet(
            "stemdl_reconstruction_demo",
            "2.0.0",
            "480 simulated scans of 8 x 8 patterns of 48 x 48 pixels, the potential and the electron density",
            480,
            licence="Apache-2.0",
        ),
    ),
    criteria=(
        Criterion("pearson", "Pearson's r, mean of images", "higher", span=CORRELATION),
        Criterion("r1", "R1", "lower", span=ERROR),
        Criterion("mae", "mean absolute error", "lower", span=ERROR),
        Criterion("psnr", "PSNR, dB on a range of 6", "higher", span=(None, None)),
        Criterion("ssim", "SSIM on a range of 6", "higher", span=CORRELATION),
        Criterion("frc_resolution", "Fourier ring correlation at 0.5", "higher", span=(0.0, 0.5)),
        Criterion("column_position_error", "atom columns, error in pixels", "lower", span=ERROR),
        Criterion("column_recall", "atom columns found", "higher"),
        Criterion("column_precision", "atom columns that are true", "higher"),
    ),
    homepage="https://doi.org/10.13139/OLCF/1510313",
    licence="as given at the DOI of the data set",
    obtain="ask its makers for the LMDB files of arXiv 1909.11150, which are not public",
    modules={"model": "sciml_datasets.models.stemdl_reconstruction"},
)
