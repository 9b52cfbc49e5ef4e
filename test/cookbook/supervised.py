"""The cookbook's supervised training loop, as it is, on conversations of our own: supervised.py MODEL FOLDER.

Writes the cookbook's own metrics.jsonl below FOLDER.
"""

import asyncio
import json
import sys
from pathlib import Path

from tinker_cookbook import model_info
from tinker_cookbook.renderers import TrainOnWhat
from tinker_cookbook.supervised import train
from tinker_cookbook.supervised.data import FromConversationFileBuilder
from tinker_cookbook.supervised.types import ChatDatasetBuilderCommonConfig

ANIMALS = ["fox", "owl", "hen", "cat", "dog", "bee", "frog", "mouse"]
PLACES = ["old tree", "red barn", "small pond", "green hill", "big rock", "quiet road", "river", "garden"]


def write_conversations(file: Path) -> None:
    with file.open("w") as lines:
        for animal in ANIMALS:
            for place in PLACES:
                question = {"role": "user", "content": f"Where does the {animal} live?"}
                answer = {"role": "assistant", "content": f"The {animal} lives by the {place}."}
                lines.write(json.dumps({"messages": [question, answer]}) + "\n")


def main(model: str, folder: Path) -> None:
    conversations = folder / "conversations.jsonl"
    write_conversations(conversations)
    renderer = model_info.get_recommended_renderer_name(model)
    common = ChatDatasetBuilderCommonConfig(
        model_name_for_tokenizer=model,
        renderer_name=renderer,
        max_length=256,
        batch_size=16,
        train_on_what=TrainOnWhat.ALL_ASSISTANT_MESSAGES,
    )
    config = train.Config(
        log_path=str(folder / "supervised"),
        model_name=model,
        recipe_name="compatibility_supervised",
        renderer_name=renderer,
        dataset_builder=FromConversationFileBuilder(common_config=common, file_path=str(conversations)),
        learning_rate=5e-3,
        num_epochs=4,
        lora_rank=8,
        save_every=8,
        eval_every=0,
    )
    asyncio.run(train.main(config))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
