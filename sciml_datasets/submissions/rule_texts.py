"""Each rule of submissions in words, with its level and how to fix a breach. Data only; see `rules` for the figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from sciml_datasets.submissions.rules import MAX_DEPTH, MAX_FILES, MAX_NESTING


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of submissions.

    Attributes:
        level: ``must``: the submission cannot be accepted; ``review``: a person has to look at it.
        says: the rule, as a sentence.
        remedy: action of the submitter on a breach.
    """

    level: Literal["must", "review"]
    says: str
    remedy: str


def _must(says: str, remedy: str) -> Rule:
    return Rule("must", says, remedy)


def _review(says: str, remedy: str) -> Rule:
    return Rule("review", says, remedy)


_RESUBMIT = "write the submission again with `sciml submit`"
_PREDICT = "write the predictions again as plain /id and /prediction"

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        # The folder
        "path-shape": _must(
            "a submission lies in {organization}/{benchmark}/{system}/{descriptor}", "move the files to such a folder"
        ),
        "benchmark-unknown": _must("the second folder is the name of a benchmark", "name it as `sciml list` does"),
        "file-missing": _must("every file of the rules is there", _RESUBMIT + ", or add the file"),
        "file-name": _must(
            "names are of letters, digits and . _ + -, are not hidden, do not end in a dot and are none that Windows "
            "reserves",
            "rename it, or take it out",
        ),
        "file-kind": _must(
            "only documents, logs, scripts, pictures and predictions are submitted",
            "take the file out, or publish it elsewhere and link it in README.md",
        ),
        "name-collision": _must(
            "no two names differ only by case or by a spelling that the rules allow twice",
            "keep one of them, or take the spelling that is there",
        ),
        "symlink": _must("there are no links", "put the file itself there, or take the link out"),
        "special-file": _must("there are only files and folders", "take it out"),
        "too-many-files": _must(f"there are at most {MAX_FILES} files and folders", "take out what is not needed"),
        "too-deep": _must(f"folders nest at most {MAX_DEPTH} deep", "move the files up"),
        "too-large": _must(
            "files keep to their size limits", "shorten the file; large predictions go elsewhere, see --predictions-at"
        ),
        "pickle": _must("nothing that runs code when loaded: no pickles, no NumPy archives", "take the file out"),
        "model-file": _must(
            "no models: scores come from predictions", "take the file out and link the model in README.md"
        ),
        "archive": _must("no archives", "put the files themselves there, or link the archive in README.md"),
        "executable": _must("no binaries", "take the file out"),
        "content-kind": _must("a file is what its ending says", "rename it, or write it again"),
        "text-encoding": _must(
            "text is UTF-8 without characters that nobody sees, also behind escapes",
            "take them out, and save the file as plain UTF-8 without a byte order mark",
        ),
        # config.yaml
        "yaml-syntax": _must("config.yaml is YAML with a mapping at the top", "correct the line"),
        "yaml-tag": _must("YAML has no tags: they can build any object", "take the tag out"),
        "yaml-alias": _must("YAML has no anchors and aliases: they can multiply", "write the value out"),
        "yaml-type": _must("YAML holds text, finite numbers, booleans, lists and mappings", "quote the value"),
        "too-nested": _must(f"YAML and JSON nest at most {MAX_NESTING} deep", "flatten the values"),
        "number-range": _must("numbers lie within the bounds of the rules", "write the number that was measured"),
        "too-long": _must("texts, lists and tables keep to their bounds", "shorten it"),
        "repeated-key": _must("no key stands twice in a mapping", "keep one of them"),
        "config-incomplete": _must("config.yaml has every entry of the rules", "add the entry"),
        "config-value": _must("entries of config.yaml have values that the rules know", "correct the entry"),
        "config-differs": _must("config.yaml agrees with the folder and with result.json", "correct the entry"),
        "commit-format": _must(
            "the commit is 40 hexadecimal digits of lower case", "give what `git rev-parse HEAD` prints"
        ),
        "version-format": _must(
            "the version in config.yaml is that of the code, such as 1.0", "give the version of the code"
        ),
        "repository-format": _must(
            "the repository is an https address, branch and tag are names of git", "give where the code is public"
        ),
        "data-commands": _must(
            "`data` lists the commands that retrieve the data, one line each", "list the commands that you used"
        ),
        "path-escape": _must("no path leaves the submission", "name a file in the submission"),
        # result-<n>.txt
        "log-syntax": _must("MLLOG lines pass the parser of mlperf-logging", "correct the line, or log again"),
        "log-count": _must("logs are result-1.txt, result-2.txt, ..., one for each run", "add or rename the logs"),
        "log-key-missing": _must("every key of the rules is logged", "log the key"),
        "log-key-repeated": _must("every key of the rules is logged once", "keep one of the lines"),
        "log-value": _must("logged values are those of config.yaml and of the rules", "correct the value"),
        "log-intervals": _must("intervals are opened, closed and nested in order", "log each start before its stop"),
        "log-order": _must(
            "cache_clear is logged first, then the initialization and the run, each with what belongs to it",
            "log cache_clear, init_start, train_samples, eval_samples, init_stop, run_start, result, run_stop in order",
        ),
        "log-evaluation": _must(
            "each epoch is evaluated", "log eval_accuracy after each epoch, with its epoch_num, a number or null"
        ),
        "log-time": _must(
            "times of a log never go back and are not in the future", "keep the lines as they were logged"
        ),
        "log-status": _must("run_stop has the status success: the run came to its end", "submit a run that did"),
        "log-repeated": _must("each run has a log of its own", _RESUBMIT),
        "log-result": _must("the logged result and seed are those of the result file", _RESUBMIT),
        "log-duration": _must(
            "the time of training and the time to the target are those that the log shows",
            "write the times that were measured to the result file",
        ),
        # result.json
        "json-syntax": _must("JSON is valid, with finite numbers", "write the file again with `sciml evaluate --out`"),
        "result-schema": _must("results follow result.schema.json", "write the file again with `sciml evaluate --out`"),
        "result-criteria": _must(
            "results are of the current criteria", "evaluate again with the current version of sciml-datasets"
        ),
        "result-data": _must(
            "results are of a data set of the benchmark, in its current version, and of the test split",
            "evaluate the predictions for the test split of the current data",
        ),
        "result-published": _must(
            "titles, targets, reference and best known values are those of the table of benchmarks",
            "write the file again with `sciml evaluate --out`",
        ),
        "result-arithmetic": _must(
            "distances, means and intervals follow from the scores", "write the file again with `sciml evaluate --out`"
        ),
        "score-range": _must(
            "scores lie in the range of their criterion and do not contradict each other",
            "write the file again with `sciml evaluate --out`",
        ),
        "result-primary": _must("the first criterion of the benchmark is scored", "evaluate again"),
        "result-runs": _must("there is a result for each run, with its seed, and no seed twice", _RESUBMIT),
        "claim-implausible": _review(
            "a claim halves the error of the best known result on the real data, or makes none at all",
            "explain it in the contribution; a reviewer looks at it",
        ),
        # Predictions
        "predictions-missing": _must(
            "predictions lie in the submission, or config.yaml has their SHA-256 and place",
            "add the file, or write the place of the file to config.yaml",
        ),
        "predictions-hash": _must("predictions have the SHA-256 and size of config.yaml", _RESUBMIT),
        "hdf5-damaged": _must("predictions are a whole HDF5 file", _PREDICT),
        "hdf5-link": _must("HDF5 files have no soft and no external links", _PREDICT),
        "hdf5-external": _must("HDF5 data lie in the file itself: no external storage, no virtual data sets", _PREDICT),
        "hdf5-filter": _must("HDF5 data are compressed with gzip or lzf or not at all", _PREDICT),
        "hdf5-size": _must("HDF5 data are not larger than predictions can be", _PREDICT),
        "hdf5-content": _must("the file holds the data sets /id and /prediction and nothing else", _PREDICT),
        "predictions-type": _must("ids are text, predictions plain numbers", _PREDICT),
        "predictions-ids": _must("each id of the test split is predicted exactly once", "predict the test split again"),
        "predictions-format": _must("predictions have the shape and range of the benchmark", _PREDICT),
        "leak": _must(
            "there are no predictions for samples of the other splits", "predict the ids of the test split only"
        ),
        "data-differs": _must(
            "the result is of the data at hand", "prepare the canonical data again, or check with the right --data-dir"
        ),
        "score-differs": _must(
            "the scores that follow from the predictions are those of the result, to the last digit",
            "evaluate the submitted predictions again with `sciml evaluate --out`",
        ),
        "copy": _must("predictions are not those of another submission", "submit predictions of your own"),
        "near-copy": _review(
            "errors that are those of another run but for little noise may come from its predictions",
            "explain it in the contribution; a reviewer looks at it",
        ),
        "same-scores": _review(
            "scores that are to the last digit those of another submission or run may come from the same predictions",
            "explain it in the contribution; a reviewer looks at it",
        ),
        # Documents
        "readme-instructions": _must(
            "README.md says how to run it, with the commands in a code block", "add the commands"
        ),
        "unanswered": _must("what a template asks for is written", "write it, and take the parenthesis out"),
        "untouched": _review(
            "README.md and the contribution are written by their authors, who know what the runs do not",
            "write it in place of the comment, or take the comment out, then run `sciml submit` again with --update",
        ),
        "pdf-format": _must("the contribution is a whole PDF file", "write it again, for example with `sciml submit`"),
        "pdf-active": _must(
            "the PDF has no scripts, forms, embedded files, actions, encryption, nor object streams that hide them",
            "print it to a plain PDF; `qpdf --object-streams=disable IN OUT` takes object streams out",
        ),
        "pdf-outdated": _must(
            "the PDF is made of the Markdown file beside it",
            "run `sciml submit` again with --update, or take the Markdown file out",
        ),
        # Who changes it
        "not-maintainer": _must(
            "a submission is changed only by those whom its config.yaml on the base branch lists as maintainers",
            "ask one of them, or a maintainer of the repository, to make the change",
        ),
        # The check itself
        "check-stopped": _must(
            "a submission can be read in limited time and memory", "shrink what is submitted; else report the file"
        ),
    }
)
"""Rules by name."""
