"""Work on strangers' files in a process of its own, which the kernel lets read those files and do nothing else."""

from sciml_datasets.sandbox.process import StoppedError, TimeLimitError, in_sandbox
from sciml_datasets.sandbox.protection import Protection, protection

__all__ = ["Protection", "StoppedError", "TimeLimitError", "in_sandbox", "protection"]
