"""Cases in which the official SDK hangs or stalls, each with a bounded wait: hangs.py CASE SECONDS prints what the caller saw.

Reads TINKER_BASE_URL and TINKER_API_KEY as the SDK does. The faults are the server's; `hangs.ts` arms them.
"""

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, TimeoutError

import tinker
from tinker import types

DATUM = types.Datum(
    model_input=types.ModelInput.from_ints([5, 6, 7, 8]),
    loss_fn_inputs={"target_tokens": [6, 7, 8, 9], "weights": [1.0, 1.0, 1.0, 1.0]},
)


def look(future: Future, limit: float) -> str:
    """What comes of a call within so many seconds."""
    began = time.monotonic()
    try:
        future.result(timeout=limit)
        saw = "its result"
    except TimeoutError:
        return f"nothing for {limit:.0f} s, and it still waits"
    except CancelledError:
        saw = "that it was cancelled"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the caller saw
        saw = f"{type(error).__name__}: {str(error).splitlines()[0][:120]}"
    return f"{saw}, after {time.monotonic() - began:.1f} s"


def chunk_fails(training: tinker.TrainingClient, limit: float) -> list[tuple[str, str]]:
    call = training.forward_backward([DATUM] * 3, "cross_entropy").future()
    step = training.optim_step(types.AdamParams()).future()
    return [("the call", look(call, limit)), ("the optim_step after it", look(step, limit))]


def cancelled_in_line(training: tinker.TrainingClient, limit: float) -> list[tuple[str, str]]:
    first = training.forward_backward([DATUM], "cross_entropy").future()
    second = training.forward_backward([DATUM], "cross_entropy").future()
    third = training.forward_backward([DATUM], "cross_entropy").future()
    time.sleep(0.5)
    second.cancel()
    calls = [("the call before it", first), ("the cancelled call", second), ("the call after it", third)]
    return [(name, look(future, limit)) for name, future in calls]


def name_taken(training: tinker.TrainingClient, limit: float) -> list[tuple[str, str]]:
    save = training.save_state("taken").future()
    forward = training.forward([DATUM], "cross_entropy").future()
    return [("the save", look(save, limit)), ("the forward after it", look(forward, limit))]


CASES: dict[str, Callable[[tinker.TrainingClient, float], list[tuple[str, str]]]] = {
    "chunk-fails": chunk_fails,
    "cancelled-in-line": cancelled_in_line,
    "name-taken": name_taken,
}


def main(case: str, limit: float) -> None:
    service = tinker.ServiceClient()
    training = service.create_lora_training_client(base_model="local/random", rank=4).result()
    for name, saw in CASES[case](training, limit):
        print(f"{name}\t{saw}", flush=True)
    # What hangs would keep the process from ending.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
