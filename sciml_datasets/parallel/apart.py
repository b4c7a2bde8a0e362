"""Reading by a library in C, in a child process that may crash, or never end, without harm to this one."""

from __future__ import annotations

import faulthandler
import math
import os
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sciml_datasets.parallel.processes import stay_with_parent

Arrays = tuple[NDArray[Any], ...]


class ChildEndedError(Exception):
    """The child process ended before its work did; the message says how."""


def apart(work: Callable[[], Iterator[Arrays]], seconds: int) -> Iterator[Arrays]:
    """The arrays that ``work`` yields in a forked child process, which makes the next ones while these are used.

    Args:
        work: yields tuples of arrays of numbers, or of byte strings of any length.
        seconds: seconds of processor time that each tuple may take; waiting, as for a slow disk, is not counted.

    Yields:
        Equal arrays.

    Raises:
        ChildEndedError: it crashed, or took longer.
        Exception: what ``work`` raises.
    """
    ours, theirs = Pipe()
    child = os.fork()
    if not child:
        try:
            ours.close()
            _serve(theirs, work, seconds)
        finally:
            os._exit(1)
    theirs.close()
    ended = None
    try:
        while True:
            try:
                found = ours.recv()
                if isinstance(found, Exception):
                    raise found
                if found is None:
                    return
                yield tuple(_received(ours, *header) for header in found)
            except (EOFError, ConnectionError) as error:
                ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                raise ChildEndedError(_reason(ended, seconds)) from error
    finally:
        ours.close()
        if ended is None:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _serve(answers: Connection, work: Callable[[], Iterator[Arrays]], seconds: int) -> None:
    """Send each tuple of arrays, or the exception that making it raises, and None at the end."""
    stay_with_parent()
    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    try:
        made = work()
        while True:
            _grant(seconds)
            arrays = next(made, None)
            if arrays is None:
                break
            flat = [_flat(array) for array in arrays]
            answers.send(
                [(array.dtype, array.shape, lengths) for array, (lengths, _) in zip(arrays, flat, strict=True)]
            )
            with _stream(answers) as stream:
                for _, content in flat:
                    stream.sendall(content)
        answers.send(None)
    except Exception as error:  # the parent raises it again
        answers.send(error)


def _grant(seconds: int) -> None:
    """Let this process compute so many seconds more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    wanted = math.ceil(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _flat(array: NDArray[Any]) -> tuple[NDArray[np.int64] | None, memoryview]:
    """The lengths of byte strings, None for numbers; and the bytes of all values."""
    if not array.dtype.hasobject:
        return None, np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    texts = array.reshape(-1).tolist()
    return np.array([len(text) for text in texts], np.int64), memoryview(b"".join(texts))


def _received(answers: Connection, dtype: np.dtype[Any], shape: tuple[int, ...], lengths: Any) -> NDArray[Any]:
    content = np.empty(math.prod(shape) * dtype.itemsize if lengths is None else int(lengths.sum()), np.uint8)
    view, done = content.data, 0
    with _stream(answers) as stream:
        while done < len(view):
            count = stream.recv_into(view[done:])
            if not count:
                raise EOFError
            done += count
    if lengths is None:
        return content.view(dtype).reshape(shape)
    texts, ends = content.tobytes(), np.cumsum(lengths).tolist()
    values = np.empty(len(ends), object)
    values[:] = [texts[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return values.reshape(shape)


def _stream(answers: Connection) -> socket.socket:
    """The socket below a connection, of which more than its pickles can be sent without copies."""
    return socket.socket(fileno=os.dup(answers.fileno()))


def _reason(status: int, seconds: int) -> str:
    if status == -signal.SIGXCPU:
        return f"it did not end within {seconds} s of processor time"
    return f"it ended with {signal.Signals(-status).name if status < 0 else f'the exit code {status}'}"
