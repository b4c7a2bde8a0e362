"""TensorFlow without its messages at start-up."""

from __future__ import annotations

import gc
import logging
import os
import sys
import tempfile
from pathlib import Path


def import_tensorflow_quietly() -> None:
    """Import TensorFlow, and Keras on it; their output on stderr during the import is shown only if it fails.

    TensorFlow 2.21 prints messages on oneDNN and missing GPUs whatever the value of TF_CPP_MIN_LOG_LEVEL. Later
    messages follow that variable: on a machine without an NVIDIA driver a failure to reach a GPU is expected.
    """
    from sciml_datasets.models.keras_backend import keras_on_tensorflow

    if "tensorflow" in sys.modules:
        keras_on_tensorflow()
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2" if Path("/dev/nvidiactl").exists() else "3")
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            keras_on_tensorflow()  # TensorFlow imports Keras itself, which then keeps its backend
            gc.freeze()  # what was imported stays to the end of the command: no collection has to look at it again
        except BaseException:
            aside.seek(0)
            os.write(stderr, aside.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
    # Each fold, and each worker's exchange of values, traces a function of its own, of which TensorFlow warns.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
