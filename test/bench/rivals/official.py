"""One workload with the official SDK, in a process of its own: official.py WORKLOAD URL COUNT WARM_UP_COUNT.

Prints what it cost as one line of JSON. The workloads are those of ../ours.ts, and the sizes those of ../sizes.ts.
"""

import asyncio
import json
import resource
import sys
import time
import urllib.request

import numpy as np
import tinker
from tinker import types
from tinker.proto.request_conv import forward_backward_request_to_proto
from tinker.proto.response_conv import deserialize_forward_backward_output

PROMPT_TOKENS = 128
SAMPLED_TOKENS = 64
DATUM_COUNT = 1024
TOKENS_PER_DATUM = 2048
SMALL_DATUM_TOKENS = 64

WORKLOAD, URL = sys.argv[1:3]
COUNT, WARM_UP_COUNT = map(int, sys.argv[3:5])
# Without an address the SDK would turn to the hosted service, where no bench belongs.
assert URL.startswith("http://127.0.0.1:"), URL


def tokens_of(length: int) -> list[int]:
    return [(index * 7919) % 150_000 for index in range(length)]


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Meter:
    """Times what happens between start and report."""

    def start(self) -> None:
        self.wall, self.cpu = time.perf_counter(), cpu_seconds()

    def report(self, latencies: list[float], bytes_per_unit: int | None = None) -> None:
        wall, cpu = time.perf_counter() - self.wall, cpu_seconds() - self.cpu
        ordered = sorted(latencies)
        line = {
            "unitCount": len(ordered),
            "wallSeconds": wall,
            "cpuSeconds": cpu,
            "p50Ms": ordered[len(ordered) // 2] * 1000,
            "p99Ms": ordered[min(int(len(ordered) * 0.99), len(ordered) - 1)] * 1000,
            "version": tinker.__version__,
        }
        print(json.dumps(line if bytes_per_unit is None else {**line, "bytesPerUnit": bytes_per_unit}))


METER = Meter()


async def samples(sampler: tinker.SamplingClient) -> None:
    tokens = tokens_of(PROMPT_TOKENS)
    params = types.SamplingParams(max_tokens=SAMPLED_TOKENS, temperature=1.0)

    async def run(count: int) -> list[float]:
        latencies: list[float] = []
        left = iter(range(count))

        async def worker() -> None:
            for _ in left:
                started = time.perf_counter()
                await sampler.sample(types.ModelInput.from_ints(tokens), num_samples=1, sampling_params=params)
                latencies.append(time.perf_counter() - started)

        await asyncio.gather(*[worker() for _ in range(400)])
        return latencies

    await run(WARM_UP_COUNT)
    METER.start()
    METER.report(await run(COUNT))


async def steps(training: tinker.TrainingClient, ahead: int) -> None:
    tokens = tokens_of(SMALL_DATUM_TOKENS + 1)
    targets = np.array(tokens[1:], dtype=np.int64)
    weights = np.ones(SMALL_DATUM_TOKENS, dtype=np.float32)
    adam = types.AdamParams(learning_rate=1e-4)

    async def run(count: int) -> list[float]:
        latencies: list[float] = []
        pending: list[asyncio.Task[None]] = []

        async def settle(started: float, futures: list) -> None:
            await asyncio.gather(*futures)
            latencies.append(time.perf_counter() - started)

        for _ in range(count):
            if len(pending) >= ahead:
                await pending.pop(0)
            started = time.perf_counter()
            datum = types.Datum(
                model_input=types.ModelInput.from_ints(tokens[:-1]),
                loss_fn_inputs={"target_tokens": targets, "weights": weights},
            )
            passed = training.forward_backward([datum], "cross_entropy")
            stepped = training.optim_step(adam)
            pending.append(asyncio.create_task(settle(started, [passed, stepped])))
        await asyncio.gather(*pending)
        return latencies

    await run(WARM_UP_COUNT)
    METER.start()
    METER.report(await run(COUNT))


def repeat(work, bytes_per_unit) -> None:
    def run(count: int) -> list[float]:
        latencies = []
        for _ in range(count):
            started = time.perf_counter()
            work()
            latencies.append(time.perf_counter() - started)
        return latencies

    run(WARM_UP_COUNT)
    METER.start()
    METER.report(run(COUNT), bytes_per_unit)


def encode(whole: bool) -> None:
    tokens = tokens_of(TOKENS_PER_DATUM)
    arrays = [
        (tokens, np.array(tokens, dtype=np.int64), np.ones(TOKENS_PER_DATUM, dtype=np.float32))
        for _ in range(DATUM_COUNT)
    ]

    def request() -> types.ForwardBackwardRequest:
        data = [
            types.Datum(
                model_input=types.ModelInput.from_ints(inputs),
                loss_fn_inputs={"target_tokens": targets, "weights": weights},
            )
            for inputs, targets, weights in arrays
        ]
        batch = types.ForwardBackwardInput(data=data, loss_fn="cross_entropy", loss_fn_config=None)
        return types.ForwardBackwardRequest(forward_backward_input=batch, model_id="bench-1:train:0", seq_id=1)

    ready = request()

    def body() -> bytes:
        return forward_backward_request_to_proto(request() if whole else ready).SerializeToString()

    repeat(body, len(body()))


def decode() -> None:
    with urllib.request.urlopen(f"{URL}/api/v1/recorded/large-output") as response:
        recorded = response.read()
    repeat(lambda: deserialize_forward_backward_output(recorded), len(recorded))


def main() -> None:
    match WORKLOAD:
        case "encode" | "encode-arrays":
            encode(WORKLOAD == "encode-arrays")
        case "decode":
            decode()
        case "sample" | "step" | "step-burst":
            service = tinker.ServiceClient(base_url=URL, api_key="tml-bench")
            if WORKLOAD == "sample":
                asyncio.run(samples(service.create_sampling_client(base_model="bench/model").result()))
            else:
                training = service.create_lora_training_client(base_model="bench/model", rank=8).result()
                asyncio.run(steps(training, 8 if WORKLOAD == "step" else COUNT + WARM_UP_COUNT))
            service.close("success")
        case _:
            raise ValueError(f"there is no workload {WORKLOAD!r}")


if __name__ == "__main__":
    main()
