"""The cookbook's RL training loop, as it is, with a reward of our own: reinforced.py MODEL FOLDER.

Writes the cookbook's own metrics.jsonl below FOLDER. The reward is the share of short words in a reply.
"""

import asyncio
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import chz
from tinker_cookbook import model_info, renderers
from tinker_cookbook.rl import train
from tinker_cookbook.rl.problem_env import ProblemEnv, ProblemGroupBuilder
from tinker_cookbook.rl.types import EnvGroupBuilder, RLDataset, RLDatasetBuilder
from tinker_cookbook.tokenizer_utils import get_tokenizer

ANIMALS = ["fox", "owl", "hen", "cat", "dog", "bee", "frog", "mouse"]
SHORT = 3
STEPS = 8


class ShortWords(ProblemEnv):
    def __init__(self, renderer: renderers.Renderer, animal: str) -> None:
        super().__init__(renderer, format_coef=0.0)
        self._animal = animal

    def get_question(self) -> str:
        return f"Tell me of the {self._animal}."

    def check_answer(self, sample_str: str) -> float:
        words = sample_str.split()
        return sum(len(word) <= SHORT for word in words) / max(len(words), 1)

    def check_format(self, sample_str: str) -> bool:
        return True

    def get_reference_answer(self) -> str:
        return ""


class Animals(RLDataset):
    def __init__(self, renderer: renderers.Renderer) -> None:
        self._renderer = renderer

    def get_batch(self, index: int) -> Sequence[EnvGroupBuilder]:
        return [
            ProblemGroupBuilder(env_thunk=partial(ShortWords, self._renderer, animal), num_envs=8)
            for animal in ANIMALS
        ]

    def __len__(self) -> int:
        return STEPS


@chz.chz
class AnimalsBuilder(RLDatasetBuilder):
    model: str
    renderer: str

    async def __call__(self) -> tuple[RLDataset, None]:
        return Animals(renderers.get_renderer(self.renderer, tokenizer=get_tokenizer(self.model))), None


def main(model: str, folder: Path) -> None:
    renderer = model_info.get_recommended_renderer_name(model)
    config = train.Config(
        log_path=str(folder / "reinforced"),
        model_name=model,
        recipe_name="compatibility_reinforced",
        renderer_name=renderer,
        dataset_builder=AnimalsBuilder(model=model, renderer=renderer),
        learning_rate=5e-3,
        max_tokens=24,
        lora_rank=8,
        loss_fn="importance_sampling",
        save_every=4,
        eval_every=0,
    )
    asyncio.run(train.main(config))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
