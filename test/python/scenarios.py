"""What the official SDK's programs rely on beyond single calls: losses, exact resuming, order, seeds, lists: scenarios.py RESULTS_FILE.

Reads TINKER_BASE_URL and TINKER_API_KEY as the SDK does.
"""

import math
import sys
import typing
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tinker
from report import Report, settle
from tinker import types

BASE_MODEL = "local/stories-1m"
TEXTS = ["The fox went home and the moon was round.", "A small bird sang in the old tree.", "Once upon a time."]
TOLERANCE = 1e-4
# A small epsilon lets one Adam step blow up rounding errors of gradients that are all but zero.
STEP = types.AdamParams(learning_rate=5e-3, eps=1e-4)
CLIP = {"clip_low_threshold": 0.8, "clip_high_threshold": 1.2}
CONFIGS = {"ppo": CLIP, "cispo": CLIP, "gspo": CLIP, "dro": {"beta": 0.05}}
# How far the sampler's log-probabilities are from the model's: some ratios within the bounds, some beyond.
DRIFTS = [0.0, 0.3, -0.3, 0.1, -0.1, 0.5, -0.5]
ADVANTAGES = [1.0, -0.5, 2.0, 0.7, -1.3]

service = tinker.ServiceClient()


def new_model(seed: int = 1) -> Any:
    return settle(service.create_lora_training_client(base_model=BASE_MODEL, rank=8, seed=seed))


tokenizer = new_model().get_tokenizer()


def datum(tokens: Sequence[int], **inputs: Any) -> types.Datum:
    return types.Datum(
        model_input=types.ModelInput.from_ints(list(tokens[:-1])),
        loss_fn_inputs={"target_tokens": list(tokens[1:]), **inputs},
    )


def supervised(text: str, weights: Sequence[float] | None = None) -> types.Datum:
    tokens = tokenizer.encode(text)
    return datum(tokens, weights=list(weights or [1.0] * (len(tokens) - 1)))


DATA = [supervised(text) for text in TEXTS]


def train(model: Any, data: list[types.Datum], count: int) -> list[float]:
    calls = []
    for _ in range(count):
        calls.append(model.forward_backward(data, "cross_entropy"))
        model.optim_step(STEP)
    return [settle(call).metrics["loss:sum"] for call in calls]


def logprobs(model: Any, data: list[types.Datum] = DATA) -> list[list[float]]:
    output = settle(model.forward(data, "cross_entropy"))
    return [list(row["logprobs"].tolist()) for row in output.loss_fn_outputs]


def require_equal(one: Any, other: Any, tolerance: float = TOLERANCE) -> None:
    pairs = list(zip(flat(one), flat(other), strict=True))
    worst = max(abs(a - b) for a, b in pairs)
    assert worst <= tolerance, f"differ by {worst:.2e}"


def flat(values: Any) -> list[float]:
    return [number for value in values for number in (flat(value) if isinstance(value, list) else [value])]


def repeat(values: Sequence[float], count: int) -> list[float]:
    return [values[index % len(values)] for index in range(count)]


def policy_data(model: Any, loss: str) -> tuple[list[types.Datum], list[list[float]]]:
    """Data for a policy loss, and what minus the loss's derivative by each log-probability must be."""
    data, coefficients = [], []
    for text, now in zip(TEXTS, logprobs(model), strict=True):
        tokens = tokenizer.encode(text)
        drifts = repeat(DRIFTS, len(now))
        advantages = repeat(ADVANTAGES, len(now))
        inputs = {"logprobs": [a - b for a, b in zip(now, drifts, strict=True)], "advantages": advantages}
        if loss == "gspo":
            inputs["sequence_ratio_mask"] = [1.0] * len(now)
        data.append(datum(tokens, **inputs))
        coefficients.append(policy_coefficients(loss, drifts, advantages))
    return data, coefficients


def policy_coefficients(loss: str, drifts: list[float], advantages: list[float]) -> list[float]:
    mean = math.exp(sum(drifts) / len(drifts))
    low, high = CLIP["clip_low_threshold"], CLIP["clip_high_threshold"]

    def one(drift: float, advantage: float) -> float:
        ratio = mean if loss == "gspo" else math.exp(drift)
        clipped = min(max(ratio, low), high)
        if loss == "importance_sampling":
            return ratio * advantage
        if loss == "cispo":
            return clipped * advantage
        if loss == "dro":
            return advantage - CONFIGS["dro"]["beta"] * drift
        return ratio * advantage if ratio * advantage <= clipped * advantage else 0.0

    return [one(drift, advantage) for drift, advantage in zip(drifts, advantages, strict=True)]


def policy_step(loss: str) -> None:
    ours, reference = new_model(), new_model()
    for model in (ours, reference):
        train(model, DATA, 1)
    data, coefficients = policy_data(ours, loss)
    output = settle(ours.forward_backward(data, loss, CONFIGS.get(loss)))
    assert math.isfinite(output.metrics["loss:sum"])
    weighted = [supervised(text, row) for text, row in zip(TEXTS, coefficients, strict=True)]
    settle(reference.forward_backward(weighted, "cross_entropy"))
    for model in (ours, reference):
        settle(model.optim_step(STEP))
    require_equal(logprobs(ours), logprobs(reference), 1e-3)


def cross_entropy() -> None:
    model = new_model()
    output = settle(model.forward_backward(DATA, "cross_entropy"))
    assert abs(output.metrics["loss:sum"] + sum(flat(logprobs(model)))) < 1e-2
    losses = train(model, DATA, 8)
    assert losses[-1] < losses[0] / 2, losses


def stable_reinforce() -> None:
    tokens = tokenizer.encode(TEXTS[0])
    data = [datum(tokens, advantages=[1.0] * (len(tokens) - 1))]
    assert "loss:sum" in settle(new_model().forward_backward(data, "stable_reinforce")).metrics


def uploaded_loss() -> None:
    def negative_sum(logprobs: Any, weights: Any) -> Any:
        return -(logprobs * weights).sum(), {}

    loss = settle(service.create_custom_loss(negative_sum, {"logprobs": 1, "weights": 1}))
    ours, reference = new_model(), new_model()
    settle(ours.forward_backward_custom(DATA, loss))
    settle(reference.forward_backward(DATA, "cross_entropy"))
    for model in (ours, reference):
        settle(model.optim_step(STEP))
    require_equal(logprobs(ours), logprobs(reference))


LOSSES: dict[str, Callable[[], None]] = {
    "cross_entropy": cross_entropy,
    "stable_reinforce": stable_reinforce,
    "custom": uploaded_loss,
    **{
        name: lambda name=name: policy_step(name)
        for name in ("importance_sampling", "ppo", "cispo", "dro", "gspo")
    },
}


def custom_loss() -> None:
    """A local loss with known derivative does what cross-entropy with that derivative does."""
    ours, reference = new_model(), new_model()
    now = logprobs(reference)

    def squares(data: list, rows: list) -> tuple[Any, dict]:
        return sum((row * row).sum() for row in rows), {"rows": float(len(rows))}

    output = settle(ours.forward_backward_custom(DATA, squares))
    assert output.metrics["rows"] == len(DATA), output.metrics
    weighted = [
        supervised(text, [-2 * value for value in row]) for text, row in zip(TEXTS, now, strict=True)
    ]
    settle(reference.forward_backward(weighted, "cross_entropy"))
    for model in (ours, reference):
        settle(model.optim_step(STEP))
    require_equal(logprobs(ours), logprobs(reference), 1e-3)


def exact_resume() -> None:
    model = new_model()
    train(model, DATA, 3)
    state = settle(model.save_state("resume")).path
    gone_on = train(model, DATA, 3)
    resumed = settle(service.create_training_client_from_state_with_optimizer(state))
    require_equal(train(resumed, DATA, 3), gone_on)
    without = train(settle(service.create_training_client_from_state(state)), DATA, 3)
    require_equal(without[:1], gone_on[:1])
    assert abs(without[-1] - gone_on[-1]) > TOLERANCE, "without its moments the optimizer goes another way"


def halves_equal_whole() -> None:
    whole, halves = new_model(), new_model()
    settle(whole.forward_backward(DATA, "cross_entropy"))
    settle(halves.forward_backward(DATA[:1], "cross_entropy"))
    settle(halves.forward_backward(DATA[1:], "cross_entropy"))
    for model in (whole, halves):
        settle(model.optim_step(STEP))
    require_equal(logprobs(whole), logprobs(halves))


def seeded_sampling() -> None:
    sampler = settle(service.create_sampling_client(base_model=BASE_MODEL))
    prompt = types.ModelInput.from_ints(tokenizer.encode(TEXTS[2]))
    params = types.SamplingParams(max_tokens=12, seed=3, temperature=0.7)
    first, again = (
        settle(sampler.sample(prompt, num_samples=2, sampling_params=params)).sequences for _ in range(2)
    )
    assert [one.tokens for one in first] == [one.tokens for one in again], "a seed must repeat itself"
    assert first[0].tokens != first[1].tokens, "sequences of one sample must differ"


def sampled_logprobs() -> None:
    """A sampler's log-probabilities are those of training: ratios of a first policy step are 1."""
    model = new_model()
    train(model, DATA, 2)
    sampler = settle(model.save_weights_and_get_sampling_client())
    prompt = tokenizer.encode(TEXTS[2])
    params = types.SamplingParams(max_tokens=8, seed=5)
    answer = settle(sampler.sample(types.ModelInput.from_ints(prompt), num_samples=1, sampling_params=params))
    tokens = prompt + answer.sequences[0].tokens
    weights = [1.0] * (len(tokens) - 1)
    trained = logprobs(model, [datum(tokens, weights=weights)])[0][len(prompt) - 1 :]
    require_equal(trained, list(answer.sequences[0].logprobs), 1e-3)
    prompt_logprobs = settle(sampler.compute_logprobs(types.ModelInput.from_ints(tokens)))
    assert prompt_logprobs[0] is None
    require_equal(prompt_logprobs[len(prompt) :], trained, 1e-3)


def chat_template() -> None:
    text = TEXTS[0]
    assert tokenizer.decode(tokenizer.encode(text)) == text
    chat = [{"role": "user", "content": "Hi"}]
    assert tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True).startswith(
        "<|im_start|>"
    )


SCENARIOS: dict[str, Callable[[], None]] = {
    "a custom loss in the client equals its derivative as weights": custom_loss,
    "saved and loaded with its optimizer, training goes on exactly": exact_resume,
    "two accumulated halves equal the whole batch": halves_equal_whole,
    "a seed repeats its samples": seeded_sampling,
    "sampling and training agree on log-probabilities": sampled_logprobs,
    "the tokenizer and its chat template load from the server": chat_template,
}


def unknown_loss() -> None:
    raise NotImplementedError("nothing says how to try this loss")


def main(results: Path) -> None:
    warnings.simplefilter("ignore")
    report = Report(results)
    for loss in typing.get_args(types.LossFnType):
        report.attempt("loss", loss, LOSSES.get(loss, unknown_loss))
    for name, act in SCENARIOS.items():
        report.attempt("scenario", name, act)
    close = getattr(service, "close", None)
    if close:
        settle(close("success"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
