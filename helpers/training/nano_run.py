"""A trainer of the nano model for experiments of seconds: notebook 03 shows it whole, the others import it."""

import tempfile

from trl import SFTConfig, SFTTrainer

from helpers import LAPTOP
from helpers.model import load
from helpers.training import run_log


def nano_trainer(
    rows,
    eval_rows=None,
    model=None,
    tokenizer=None,
    callbacks=(),
    optimizers=(None, None),
    data_collator=None,
    **settings,
) -> SFTTrainer:
    """SFTTrainer on `rows`, not trained yet, of the pretrained nano or of `model`. settings: of SFTConfig."""
    nano, its_tokenizer = load("nano")
    usual = dict(output_dir=tempfile.mkdtemp(), learning_rate=4e-3, warmup_steps=0.1, lr_scheduler_type="cosine")
    trainer = SFTTrainer(
        model=model or nano,
        args=SFTConfig(**{**LAPTOP, **usual, **settings}),
        train_dataset=rows,
        eval_dataset=eval_rows,
        processing_class=tokenizer or its_tokenizer,
        callbacks=list(callbacks),
        optimizers=optimizers,
        data_collator=data_collator,
    )
    run_log.stop_printing(trainer)
    return trainer
