"""Drives the local server with the unmodified official SDK: train, save, sample, resume, list.

Reads TINKER_BASE_URL and TINKER_API_KEY as the SDK does. Prints what it saw; any failed assertion ends it with 1.
"""

import sys
from pathlib import Path

import tinker
from safetensors.numpy import load_file
from tinker import types

BASE_MODEL = "local/stories-1m"


def supervised(tokens: list[int]) -> types.Datum:
    return types.Datum(
        model_input=types.ModelInput.from_ints(tokens[:-1]),
        loss_fn_inputs={"target_tokens": tokens[1:], "weights": [1.0] * (len(tokens) - 1)},
    )


def train(training: tinker.TrainingClient, data: list[types.Datum]) -> list[float]:
    steps = []
    for _ in range(8):
        steps.append(training.forward_backward(data, "cross_entropy"))
        training.optim_step(types.AdamParams(learning_rate=5e-3))
    return [step.result().metrics["loss:sum"] for step in steps]


def check_sampling(sampler: tinker.SamplingClient, prompt: list[int]) -> None:
    model_input = types.ModelInput.from_ints(prompt)
    params = types.SamplingParams(max_tokens=12, seed=3, temperature=0.7)
    first = sampler.sample(model_input, num_samples=2, sampling_params=params).result()
    again = sampler.sample(model_input, num_samples=2, sampling_params=params).result()
    assert [s.tokens for s in first.sequences] == [s.tokens for s in again.sequences], "a seed must repeat itself"
    assert first.sequences[0].tokens != first.sequences[1].tokens, "sequences of one sample must differ"
    assert len({s.sequence_id for s in first.sequences}) == 2
    logprobs = sampler.compute_logprobs(model_input).result()
    assert logprobs[0] is None and len(logprobs) == len(prompt)
    print("sampled", [len(s.tokens) for s in first.sequences], "prompt log-probs", len(logprobs))


def check_lists(rest: tinker.RestClient, run_id: str, state: str, weights: str) -> None:
    run = rest.get_training_run(run_id).result()
    assert run.base_model == BASE_MODEL and run.lora_rank == 8
    paths = {c.tinker_path for c in rest.list_checkpoints(run_id).result().checkpoints}
    assert {state, weights} <= paths, paths
    assert run_id in {r.training_run_id for r in rest.list_training_runs().result().training_runs}
    assert rest.get_weights_info_by_tinker_path(state).result().lora_rank == 8
    print("listed", sorted(paths))


def show_adapter(folder: Path) -> None:
    adapter = load_file(folder / "adapter_model.safetensors")
    for name in sorted(adapter):
        print(f"  {name}  {list(adapter[name].shape)}")
    assert all(name.startswith("base_model.model.") for name in adapter)


def main(data_dir: Path) -> None:
    service = tinker.ServiceClient()
    print("SDK", tinker.__version__)
    rest = tinker.RestClient()
    models = [m.model_name for m in rest.get_server_capabilities().result().supported_models]
    assert BASE_MODEL in models, models

    training = service.create_lora_training_client(base_model=BASE_MODEL, rank=8, seed=1).result()
    run_id = training.get_info().model_id
    tokenizer = training.get_tokenizer()
    tokens = tokenizer.encode("The fox went home and the moon was round.")
    assert tokenizer.decode(tokens) == "The fox went home and the moon was round."
    chat = tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False, add_generation_prompt=True)
    assert chat.startswith("<|im_start|>"), chat
    print("tokenizer", type(tokenizer).__name__, len(tokens), "tokens")

    losses = train(training, [supervised(tokens)] * 3)
    print("losses", [round(loss, 2) for loss in losses])
    assert losses[-1] < losses[0] / 2, losses

    state = training.save_state("final").result().path
    weights = training.save_weights_for_sampler("final").result().path
    check_sampling(training.save_weights_and_get_sampling_client().result(), tokens)
    check_sampling(service.create_sampling_client(model_path=weights).result(), tokens)
    check_sampling(service.create_sampling_client(base_model=BASE_MODEL).result(), tokens)

    resumed = service.create_training_client_from_state_with_optimizer(state).result()
    again = resumed.forward([supervised(tokens)], "cross_entropy").result().metrics["loss:sum"]
    now = training.forward([supervised(tokens)], "cross_entropy").result().metrics["loss:sum"]
    assert abs(again - now) < 1e-3, (again, now)
    print("resumed at loss", round(again, 3))

    check_lists(rest, run_id, state, weights)
    show_adapter(data_dir / "runs" / run_id.replace(":", "_") / "sampler_weights" / "final")
    rest.delete_checkpoint_from_tinker_path(weights).result()
    assert weights not in {c.tinker_path for c in rest.list_checkpoints(run_id).result().checkpoints}
    service.close("success")
    print("all of it works")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
