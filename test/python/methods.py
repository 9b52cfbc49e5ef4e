"""Runs every public method of the official SDK's clients, found by introspection: methods.py RESULTS_FILE.

Reads TINKER_BASE_URL and TINKER_API_KEY as the SDK does. A method of which CALLS says nothing is a failure.
"""

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

import tinker
from local_key import token_key
from report import Report, settle
from tinker import types

BASE_MODEL = "local/stories-1m"
PROJECT = "project-1"


def example() -> types.Datum:
    return types.Datum(
        model_input=types.ModelInput.from_ints([5, 6, 7, 8]),
        loss_fn_inputs={"target_tokens": [6, 7, 8, 9], "weights": [1.0, 1.0, 1.0, 1.0]},
    )


class World:
    """What the calls need, made when the first of them asks for it."""

    def __init__(self) -> None:
        self.service = tinker.ServiceClient(project_id=PROJECT)
        self._names = 0

    @cached_property
    def rest(self) -> Any:
        return tinker.RestClient() if hasattr(tinker, "RestClient") else self.service.create_rest_client()

    @cached_property
    def admin(self) -> Any:
        return tinker.AdminClient()

    @cached_property
    def training(self) -> Any:
        return settle(self.service.create_lora_training_client(base_model=BASE_MODEL, rank=4, seed=1))

    @cached_property
    def sampler(self) -> Any:
        return settle(self.service.create_sampling_client(base_model=BASE_MODEL))

    @cached_property
    def run_id(self) -> str:
        return self.training.get_info().model_id

    @property
    def session_id(self) -> str:
        return self.run_id.split(":")[0]

    @cached_property
    def state(self) -> str:
        return settle(self.training.save_state("state")).path

    @cached_property
    def weights(self) -> str:
        return settle(self.training.save_weights_for_sampler("weights")).path

    @cached_property
    def external(self) -> str:
        return settle(self.training.save_weights_external("external")).path

    @cached_property
    def sampler_id(self) -> str:
        return settle(self.rest.get_session(self.session_id)).sampler_ids[0]

    def name(self) -> str:
        self._names += 1
        return f"name-{self._names}"

    def fresh(self) -> str:
        """The path of a checkpoint that nothing else uses."""
        return settle(self.training.save_weights_for_sampler(self.name())).path

    def loaded(self) -> Any:
        """A training client that nothing else uses."""
        return settle(self.service.create_lora_training_client(base_model=BASE_MODEL, rank=4))


@dataclass
class Call:
    arguments: Callable[[World], tuple[tuple, dict]]
    holds: Callable[[Any], bool] = lambda result: True
    on: Callable[[World], Any] | None = None


def args(*positional: Any, **named: Any) -> tuple[tuple, dict]:
    return positional, named


def nothing(result: Any) -> bool:
    return result is None


def trains(client: Any) -> bool:
    return bool(settle(client.forward([example()], "cross_entropy")).metrics["loss:sum"] > 0)


def samples(client: Any) -> bool:
    answer = settle(client.sample(types.ModelInput.from_ints([5, 6]), 1, types.SamplingParams(max_tokens=2)))
    return len(answer.sequences) == 1


def has_loss(output: Any) -> bool:
    return output.metrics["loss:sum"] > 0 and len(output.loss_fn_outputs[0]["logprobs"].data) == 4


def has_path(kind: str) -> Callable[[Any], bool]:
    return lambda saved: saved.path.startswith("tinker://") and f"/{kind}/" in saved.path


def custom_loss(data: list, logprobs: list) -> tuple[Any, dict]:
    return -sum(row.sum() for row in logprobs), {}


def graph_loss(logprobs: Any, weights: Any) -> Any:
    return -(logprobs * weights).sum(), {}


def last_two_days() -> tuple[datetime, datetime]:
    now = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
    return now - timedelta(days=2), now


LORA = Call(lambda w: args(base_model=BASE_MODEL, rank=4), trains)
FROM_STATE = Call(lambda w: args(w.state), trains)
FORWARD = Call(lambda w: args([example()], "cross_entropy"), has_loss)
LOAD = Call(lambda w: args(w.state), lambda loaded: loaded.path is not None, on=World.loaded)
ADMIN = {
    "get_audit_log": Call(lambda w: args(), lambda log: isinstance(log.entries, list)),
    "get_billing_usage": Call(lambda w: args(*last_two_days()), lambda usage: usage.data is not None),
    "get_current_checkpoint_storage_usage": Call(lambda w: args(), lambda usage: usage is not None),
    "get_telemetry": Call(lambda w: args()),
}

CALLS: dict[str, dict[str, Call]] = {
    "ServiceClient": {
        "close": Call(lambda w: args("success"), nothing, on=lambda w: opened_service()),
        "copy_weights": Call(lambda w: args(w.weights), lambda path: path.startswith("tinker://")),
        "create_custom_loss": Call(lambda w: args(graph_loss, {"logprobs": 1, "weights": 1})),
        "create_lora_training_client": LORA,
        "create_rest_client": Call(lambda w: args(), lambda rest: rest is not None),
        "create_sampling_client": Call(lambda w: args(base_model=BASE_MODEL), samples),
        "create_training_client_from_state": FROM_STATE,
        "create_training_client_from_state_with_optimizer": FROM_STATE,
        "get_console_url": Call(lambda w: args(), lambda url: url.startswith("https://")),
        "get_server_capabilities": Call(
            lambda w: args(), lambda it: BASE_MODEL in {model.model_name for model in it.supported_models}
        ),
        "get_telemetry": Call(lambda w: args()),
        "holder": Call(lambda w: args(), lambda holder: holder is not None),
    },
    "TrainingClient": {
        "create_sampling_client": Call(lambda w: args(w.weights), samples),
        "forward": FORWARD,
        "forward_backward": FORWARD,
        "forward_backward_custom": Call(lambda w: args([example()], custom_loss), lambda it: len(it.metrics) > 0),
        "get_console_url": Call(lambda w: args(), lambda url: url.startswith("https://")),
        "get_info": Call(lambda w: args(), lambda info: info.model_data.model_name == BASE_MODEL),
        "get_telemetry": Call(lambda w: args()),
        "get_tokenizer": Call(lambda w: args(), lambda tokenizer: len(tokenizer.encode("The fox")) > 0),
        "load_state": LOAD,
        "load_state_with_optimizer": LOAD,
        "optim_step": Call(lambda w: args(types.AdamParams(learning_rate=1e-4))),
        "save_state": Call(lambda w: args(w.name()), has_path("weights")),
        "save_weights_and_get_sampling_client": Call(lambda w: args(), samples),
        "save_weights_external": Call(lambda w: args(w.name()), has_path("external_weights")),
        "save_weights_for_sampler": Call(lambda w: args(w.name()), has_path("sampler_weights")),
    },
    "SamplingClient": {
        "compute_logprobs": Call(
            lambda w: args(types.ModelInput.from_ints([5, 6, 7])), lambda it: it[0] is None and len(it) == 3
        ),
        "create": Call(lambda w: ((w.service.holder,), {"base_model": BASE_MODEL}), samples),
        "from_sampler_handle": Call(lambda w: args(w.sampler.get_sampler_handle()), samples),
        "get_base_model": Call(lambda w: args(), lambda name: name == BASE_MODEL),
        "get_sampler_handle": Call(lambda w: args(), lambda handle: isinstance(handle, str)),
        "get_telemetry": Call(lambda w: args()),
        "get_tokenizer": Call(lambda w: args(), lambda tokenizer: len(tokenizer.encode("The fox")) > 0),
        "on_queue_state_change": Call(lambda w: args(queue_state(), None), nothing),
        "sample": Call(
            lambda w: args(types.ModelInput.from_ints([5, 6]), 2, types.SamplingParams(max_tokens=3)),
            lambda it: len(it.sequences) == 2,
        ),
    },
    "RestClient": {
        **ADMIN,
        "assign_session_project": Call(lambda w: args(w.session_id, PROJECT), nothing),
        "copy_weights": Call(lambda w: args(w.weights, PROJECT), lambda path: path.startswith("tinker://")),
        "delete_checkpoint": Call(lambda w: args(w.run_id, w.fresh().split("/", 3)[3]), nothing),
        "delete_checkpoint_from_tinker_path": Call(lambda w: args(w.fresh()), nothing),
        "export_session_trace": Call(lambda w: args(w.session_id), lambda url: url.startswith("http")),
        "get_checkpoint_archive_url": Call(
            lambda w: args(w.run_id, w.weights.split("/", 3)[3]), lambda it: it.url.startswith("http")
        ),
        "get_checkpoint_archive_url_from_tinker_path": Call(
            lambda w: args(w.weights), lambda it: it.url.startswith("http")
        ),
        "get_external_weights_urls": Call(lambda w: args(w.external), lambda it: len(it.urls) > 0),
        "get_sampler": Call(lambda w: args(w.sampler_id), lambda it: it.base_model == BASE_MODEL),
        "get_server_capabilities": Call(lambda w: args(), lambda it: len(it.supported_models) > 0),
        "get_session": Call(lambda w: args(w.session_id), lambda it: len(it.training_run_ids) > 0),
        "get_training_run": Call(lambda w: args(w.run_id), lambda it: it.lora_rank == 4),
        "get_training_run_by_tinker_path": Call(lambda w: args(w.state), lambda it: it.lora_rank == 4),
        "get_weights_info_by_tinker_path": Call(lambda w: args(w.state), lambda it: it.lora_rank == 4),
        "list_checkpoints": Call(lambda w: args(w.run_id), lambda it: len(it.checkpoints) > 0),
        "list_sessions": Call(lambda w: args(), lambda it: len(it.sessions) > 0),
        "list_training_runs": Call(lambda w: args(), lambda it: len(it.training_runs) > 0),
        "list_user_checkpoints": Call(lambda w: args(), lambda it: len(it.checkpoints) > 0),
        "publish_checkpoint_from_tinker_path": Call(lambda w: args(w.weights), nothing),
        "search_sessions": Call(
            lambda w: args(types.SessionSearchRequest()), lambda it: len(it.sessions) > 0
        ),
        "set_checkpoint_ttl_from_tinker_path": Call(lambda w: args(w.fresh(), 7200), nothing),
        "unpublish_checkpoint_from_tinker_path": Call(lambda w: args(w.weights), nothing),
        "whoami": Call(lambda w: args(), lambda it: "me" in it.user_urn, on=lambda w: with_token()),
    },
    "AdminClient": ADMIN,
}

TARGETS: dict[str, Callable[[World], Any]] = {
    "ServiceClient": lambda w: w.service,
    "TrainingClient": lambda w: w.training,
    "SamplingClient": lambda w: w.sampler,
    "RestClient": lambda w: w.rest,
    "AdminClient": lambda w: w.admin,
}


def opened_service() -> Any:
    service = tinker.ServiceClient()
    settle(service.create_lora_training_client(base_model=BASE_MODEL, rank=4))
    return service


def with_token() -> Any:
    return tinker.ServiceClient(api_key=token_key()).create_rest_client()


def queue_state() -> Any:
    from tinker.lib.api_future_impl import QueueState

    return QueueState.ACTIVE


def run(world: World, group: str, name: str) -> None:
    call = CALLS[group].get(name) or CALLS[group].get(name.removesuffix("_async"))
    if call is None:
        raise NotImplementedError("nothing says how to call this method")
    target = call.on(world) if call.on else TARGETS[group](world)
    member = getattr(target, name)
    positional, named = call.arguments(world)
    result = settle(member(*positional, **named)) if callable(member) else member
    assert call.holds(result), f"answered {result!r}"


def public_methods(world: World) -> list[tuple[str, str]]:
    groups = [group for group in CALLS if group != "AdminClient" or hasattr(tinker, group)]
    return [
        (group, name)
        for group in groups
        for name in dir(type(TARGETS[group](world)))
        if not name.startswith("_")
    ]


def main(results: Path) -> None:
    warnings.simplefilter("ignore")
    report = Report(results)
    world = World()
    for group, name in public_methods(world):
        report.attempt(group, name, lambda group=group, name=name: run(world, group, name))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
