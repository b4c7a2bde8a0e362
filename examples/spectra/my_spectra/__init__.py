"""The mineral of a specimen from its Raman spectrum: the declaration of the benchmark."""

from sciml_datasets.benchmark import Benchmark, Choice, Classification, Criterion, DataSet, Value

BENCHMARK = Benchmark(
    name="spectra",
    package=__name__,
    title="Mineral from its Raman spectrum",
    task=Classification(label="mineral", num_classes=3, alike=("specimen",)),
    datasets=(
        DataSet("spectra", "1.0.0", "measured Raman spectra of quartz, calcite and gypsum"),
        DataSet("spectra_demo", "1.0.0", "600 simulated Raman spectra of quartz, calcite and gypsum", 600),
    ),
    criteria=(Criterion("top1_accuracy", "accuracy", "higher", target=Value(0.95, "the makers of this benchmark")),),
    homepage="https://example.org/spectra",
    licence="CC0",
    obtain="ask the makers for the measured spectra",
    groupings={"specimen": ("specimen",)},
    simulator=(Choice("noise", "number", None, "standard deviation of the noise, peaks are 1 (default: 0.6)"),),
)
