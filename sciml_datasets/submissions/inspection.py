"""One submission, from its files to findings. To be called in the sandbox: the result is plain JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sciml_datasets.benchmarks import BENCHMARKS
from sciml_datasets.errors import InputError
from sciml_datasets.files.hashing import sha256_of
from sciml_datasets.submissions import rules
from sciml_datasets.submissions.bounds import check_bounds
from sciml_datasets.submissions.configuration import check_config, entry, predictions_name, result_name
from sciml_datasets.submissions.contribution import check_answers, check_pdf, check_readme
from sciml_datasets.submissions.data_at_hand import Known
from sciml_datasets.submissions.file_types import check_kind
from sciml_datasets.submissions.findings import BrokenRuleError, Finding, shown
from sciml_datasets.submissions.folder import (
    Place,
    as_text,
    check_place,
    kind_of,
    list_folder,
    read_file,
)
from sciml_datasets.submissions.logs import (
    check_different,
    check_log,
    check_logged_result,
    check_logged_samples,
    parse_log,
    times,
)
from sciml_datasets.submissions.prediction_errors import unexplained
from sciml_datasets.submissions.result_checks import benchmark_of, check_result, check_results, check_scores, mark_of
from sciml_datasets.submissions.result_times import check_times
from sciml_datasets.submissions.untrusted_documents import parse_json, parse_yaml
from sciml_datasets.submissions.untrusted_predictions import Contents, read_contents


class Inspection:
    """Reads one submission and gathers findings and facts.

    Args:
        place: place of the submission.
        known: data set to the data at hand.
        score: whether scores are computed again where data are at hand; else predictions are read only to be compared
            with those of other submissions.
    """

    def __init__(self, place: Place, known: Mapping[str, Known], *, score: bool = True) -> None:
        self._place, self._known, self._score_again = place, known, score
        self._findings: list[Finding] = []
        self._files: set[str] = set()

    def report(self) -> dict[str, Any]:
        """``findings``: file, rule and what of each; ``facts``: what a leaderboard shows, of a sound submission."""
        self._findings += check_place(self._place)
        self._look_around()
        facts = {"files": sorted(self._files)}
        config = self._document(rules.CONFIG, parse_yaml, rules.CONFIG_BOUNDS)
        if config is not None:  # else there is no telling what should be there
            self._findings += check_config(config, self._place)
            facts |= self._facts(config)
        self._documents()
        findings = sorted(set(self._findings))
        return {"findings": [[f.file, f.rule, f.what] for f in findings], "facts": facts}

    def _facts(self, config: dict[str, Any]) -> dict[str, Any]:
        whole, results = self._results(config)
        logs = self._logs(config, results)
        runs, recomputed = self._predictions(config, results)
        return {
            "config": config,
            "result": whole and _shown(whole),
            "results": [_shown(result) for result in results],
            "times": [times(lines) for lines in logs],
            "runs": runs,
            "at_hand": sorted(self._known),
            "recomputed": recomputed,
            "contribution": next((name for name in rules.CONTRIBUTION if name in self._files), None),
        }

    def _look_around(self) -> None:
        """Names, kinds and sizes; only files without a finding are opened later."""
        listed = list_folder(self._place.folder)
        self._findings += listed.findings
        for name, size in listed.sizes.items():
            try:
                check_kind(self._place.folder, name, size)
            except BrokenRuleError as error:
                self._findings.append(error.in_file(name))
            else:
                self._files.add(name)
        refused = {finding.file for finding in self._findings}
        for spellings in ((rules.CONFIG,), (rules.RESULT,), (rules.README,), rules.CONTRIBUTION, ("result-1.txt",)):
            there = [name for name in spellings if name in self._files]
            if not there and not refused & set(spellings):
                self._findings.append(Finding(".", "file-missing", f"{' or '.join(spellings)} is missing"))
            if len(there) > 1:
                self._findings.append(Finding(there[1], "name-collision", f"{there[0]} is there as well"))
        recorded = {name: size for name, size in listed.sizes.items() if kind_of(name) in ("json", "log")}
        if (size := sum(recorded.values())) > rules.MAX_RECORDED:
            what = f"results and logs together have {size:,} bytes, at most {rules.MAX_RECORDED:,}"
            self._findings.append(Finding(".", "too-large", what))
            self._files -= recorded.keys()

    def _read(self, name: str) -> str:
        return as_text(read_file(self._place.folder / name, rules.MAX_BYTES[kind_of(name)]))

    def _document(self, name: str, parse: Any, bounds: Mapping[str, rules.Span | int]) -> Any:
        """A parsed file; None where it is missing or broken, which is a finding already."""
        if name not in self._files:
            return None
        try:
            content = parse(self._read(name))
            for document in content if isinstance(content, list) else [content]:  # lines of a log, or one document
                check_bounds(document, bounds)
            return content
        except BrokenRuleError as error:
            self._findings.append(error.in_file(name))
            return None

    def _results(self, config: dict[str, Any]) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
        """The content of result.json, and the result of each run; nothing where they cannot be used."""
        benchmark = BENCHMARKS.get(self._place.benchmark or "")
        whole = self._sound_result(rules.RESULT, benchmark)
        runs = config.get("runs")
        count = len(runs) if isinstance(runs, list) else 1
        numbers = sorted(int(match[1]) for name in self._files if (match := rules.RUN_RESULT.fullmatch(name)))
        if numbers != (list(range(1, count + 1)) if count > 1 else []):
            what = f"there are results of the runs {numbers}, and {count} runs in config.yaml"
            self._findings.append(Finding(rules.CONFIG, "result-runs", what))
            return whole, []
        found = [self._sound_result(name, benchmark) for name in (result_name(i, count) for i in numbers)]
        results = [result for result in (found or [whole]) if result is not None]
        if whole is None or len(results) < count:
            return whole, []
        if count == 1 and "runs" in whole:
            self._findings.append(Finding(rules.RESULT, "result-runs", "it is of several runs, config.yaml of one"))
            return whole, []
        self._findings += check_results(results, whole, config)
        return whole, results

    def _sound_result(self, name: str, benchmark: Any) -> dict[str, Any] | None:
        result = self._document(name, parse_json, rules.RESULT_BOUNDS)
        if result is None:
            return None
        findings = list(check_result(name, result, benchmark))
        self._findings += findings
        return None if any(finding.rule in ("result-schema", "result-data") for finding in findings) else result

    def _logs(self, config: dict[str, Any], results: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        names = {int(match[1]): name for name in self._files if (match := rules.LOG.fullmatch(name))}
        runs = config.get("runs")
        count = len(runs) if isinstance(runs, list) else max(names, default=0)
        if sorted(names) != list(range(1, count + 1)):
            what = f"there are logs of the runs {sorted(names)}, and {count} runs in config.yaml"
            self._findings.append(Finding(rules.CONFIG, "log-count", what))
        logs = {}
        for number, name in sorted(names.items()):
            lines = self._document(name, parse_log, rules.LOG_BOUNDS)
            if lines is None:
                continue
            logs[name] = lines
            self._findings += check_log(name, lines, config, self._place.benchmark)
            if number <= len(results):
                result = results[number - 1]
                self._findings += check_logged_result(name, lines, result)
                known = BENCHMARKS.get(self._place.benchmark or "")
                benchmark = benchmark_of(known, result) if known else None
                data = self._known.get(result["dataset"])
                if data and benchmark and result["plan_digest"] == data.prepared.plan_digest:
                    # The recipe of CloudMask cuts scenes into patches.
                    patches = benchmark.task.kind == "segmentation"
                    samples = Counter(data.split_of.values())
                    self._findings += check_logged_samples(name, lines, samples, patches=patches)
                self._findings += check_times(result_name(number, len(results)), lines, result, benchmark)
        self._findings += check_different(logs)
        return list(logs.values())

    def _predictions(self, config: dict[str, Any], results: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], bool]:
        """What distinguishes each run from those of others, see `copies.StatedRun`, and whether all were scored."""
        runs = config.get("runs")
        stated = [entry({"run": run}, "run.predictions") for run in runs] if isinstance(runs, list) else []
        expected = {predictions_name(i, len(stated)) for i in range(1, len(stated) + 1)}
        for name in sorted(self._files):
            if rules.PREDICTIONS.fullmatch(name) and name not in expected:
                self._findings.append(Finding(name, "predictions-hash", "config.yaml has no run with this file"))
        found, scored = [], 0
        for number, facts in enumerate(stated, 1):
            name = predictions_name(number, len(stated))
            facts = facts if isinstance(facts, dict) else {}
            result = results[number - 1] if number <= len(results) else None
            run: dict[str, Any] = {"sha256": str(facts.get("sha256", "")), "scores": mark_of(result) if result else ""}
            found.append(run)
            if name not in self._files:
                if facts.get("place") is None:
                    self._findings.append(Finding(name, "predictions-missing", "it is neither here nor at a place"))
                continue
            try:
                known = self._known_of(result)
                contents = self._contents(name, facts, known)
                run["fingerprint"] = contents.fingerprint
                if known and known.places:
                    run["data"] = known.prepared.plan_digest
                    run["unexplained"] = unexplained(known.places, contents.picked)
                scored += self._score(name, number, len(stated), contents, result)
            except BrokenRuleError as error:
                self._findings.append(error.in_file(name))
        return found, bool(stated) and scored == len(stated)

    def _known_of(self, result: dict[str, Any] | None) -> Known | None:
        """The data at hand of a result; None where they are others."""
        known = self._known.get(result["dataset"]) if result else None
        return known if known and result and known.prepared.plan_digest == result["plan_digest"] else None

    def _contents(self, name: str, facts: dict[str, Any], known: Known | None) -> Contents:
        path = self._place.folder / name
        if sha256_of(path) != facts.get("sha256"):
            raise BrokenRuleError("predictions-hash", "it has another SHA-256")
        size = path.stat().st_size
        if facts.get("bytes", size) != size:
            raise BrokenRuleError("predictions-hash", f"it has {size:,} bytes, in config.yaml {shown(facts['bytes'])}")
        return read_contents(path, known.places if known else None)

    def _score(self, name: str, number: int, count: int, contents: Contents, result: dict[str, Any] | None) -> bool:
        """Compute the scores again, where the data are at hand."""
        repeated = [key for key, times in Counter(contents.ids).items() if times > 1]
        if repeated:
            raise BrokenRuleError("predictions-ids", f"{shown(repeated[0])} is predicted more than once")
        if result is None or not self._score_again:
            return False
        known = self._known.get(result["dataset"])
        if known is None:
            if len(contents.ids) != result["num_samples"]:
                what = f"{len(contents.ids)} ids are predicted, the result is of {result['num_samples']}"
                raise BrokenRuleError("predictions-ids", what)
            return False
        file = result_name(number, count)
        if result["plan_digest"] != known.prepared.plan_digest:
            what = f"plan_digest is {result['plan_digest']}, of the data at hand {known.prepared.plan_digest}"
            self._findings.append(Finding(file, "data-differs", what))
            return False
        _check_ids(contents.ids, known)
        try:
            recomputed = known.result(self._place.folder / name, result)
        except InputError as error:
            what = shown(str(error).removeprefix(f"{self._place.folder / name}: "), 200)
            raise BrokenRuleError("predictions-format", what) from error
        self._findings += check_scores(file, result, recomputed)
        return True

    def _documents(self) -> None:
        if rules.README in self._files:
            self._findings += check_readme(self._read(rules.README))
        markdown = None
        if rules.CONTRIBUTION_SOURCE in self._files:
            markdown = read_file(self._place.folder / rules.CONTRIBUTION_SOURCE, rules.MAX_BYTES["text"])
            self._findings += check_answers(rules.CONTRIBUTION_SOURCE, markdown.decode())
        for name in sorted(self._files):
            if Path(name).suffix.lower() == ".pdf":
                content = read_file(self._place.folder / name, rules.MAX_BYTES["other"])
                self._findings += check_pdf(name, content, markdown if name in rules.CONTRIBUTION else None)


def _shown(result: dict[str, Any]) -> dict[str, Any]:
    """The part of a result that a leaderboard shows: all facts are held at once, of all submissions."""
    details = {key: value for key, value in result["details"].items() if key == "confusion"}
    return {key: value for key, value in result.items() if key != "software"} | {"details": details}


def _check_ids(ids: list[str], known: Known) -> None:
    """Are they those of the test split?"""
    for key in ids:
        split = known.split_of.get(key)
        if split is None:
            raise BrokenRuleError("predictions-ids", f"{shown(key)} is in no split")
        if split != "test":
            raise BrokenRuleError("leak", f"{shown(key)} is in the {split} split")
    missing = known.split_of.keys() - set(ids)
    lacking = sorted(key for key in missing if known.split_of[key] == "test")
    if lacking:
        raise BrokenRuleError("predictions-ids", f"{len(lacking):,} ids are not predicted, such as {shown(lacking[0])}")
