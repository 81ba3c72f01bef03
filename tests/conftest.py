"""What several tests train with."""

import gc
import os
import subprocess

import pytest

os.environ.setdefault("SFT_COURSE_KEEP", "0")  # what a test predicts or solves is nobody's answer


def pytest_collection_finish():
    """No test makes garbage of what was imported for all, and a trainer collects at each start."""
    gc.freeze()


@pytest.fixture(scope="session")
def nano_trainer(tmp_path_factory):
    """A function that gives a real SFTTrainer of nano on the first `examples` commands, not trained yet."""
    # Here, because the process that only deals out tests to the workers would take five seconds to import them too.
    import torch
    from trl import SFTConfig, SFTTrainer

    from helpers.dataset import commands
    from helpers.model import load

    dataset = commands.load()

    def make(examples: int, validation: int = 0, callbacks=(), cls=None, peft=None, **settings) -> SFTTrainer:
        model, tokenizer = load("nano")
        torch.manual_seed(0)  # of an adapter's first weights
        usual = dict(activation_checkpointing=False, bf16=False, use_cpu=True, save_strategy="no")
        config = SFTConfig(**{"output_dir": str(tmp_path_factory.mktemp("run")), **usual, **settings})
        return (cls or SFTTrainer)(
            model=model,
            args=config,
            train_dataset=dataset["train"].select(range(examples)),
            eval_dataset=dataset["validation"].select(range(validation)) if validation else None,
            processing_class=tokenizer,
            callbacks=list(callbacks),
            peft_config=peft,
        )

    return make


@pytest.fixture
def small_disk(tmp_path):
    """A folder that is a disk of 9 MB, for what a full disk does; the test is skipped where none can be mounted."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("mounting a small disk takes root")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=9m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
