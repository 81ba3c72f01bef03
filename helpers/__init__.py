"""What the course's notebooks share: data, models, drawing, widgets and scoring, but never the training itself."""

import gc
import os
import warnings
from urllib.request import getproxies_environment

from helpers import language as languages
from helpers.errors import PEFT_WARNING, CourseError, require_positive
from helpers.projector import enlarge, in_environment

# Arguments of SFTConfig for a quiet run on a laptop's CPU: no GPU, float32, nothing recomputed, saved or reported.
LAPTOP = dict(
    use_cpu=True,
    bf16=False,
    activation_checkpointing=False,
    save_strategy="no",
    report_to="none",
    disable_tqdm=True,
)


def setup(projector: bool = False, language: str = "", **positive: float) -> None:
    """Prepare a notebook: check its parameters, silence what a reader need not see, report nothing to the outside.

    projector: make figures, tables and widgets readable from the back row; SFT_COURSE_PROJECTOR=1 does the same.
    language: "zh-TW" makes predictions, quizzes, checks and errors speak Traditional Chinese. The notebooks of
    notebooks/zh-TW do it by themselves, and SFT_COURSE_LANGUAGE=zh-TW does it everywhere.
    positive: parameters, by their names, that have to be numbers above 0; CourseError names the first that is not.

    Silenced:
    - progress bars and warnings of transformers while it loads models, progress bars of datasets while it prepares
      rows; both take seconds here;
    - the advice that PEFT 0.21 uses `is_gradient_checkpointing`, an old name of transformers, which only PEFT can mend;
    - reports of use that huggingface_hub sends to Hugging Face and ONNX Runtime to Microsoft, here and in processes
      that the notebook starts. onnxruntime decides when it is imported: import it after this call.

    A proxy that the environment names is not asked for this machine itself, where notebook 10 serves a model.

    What was imported is no longer searched for garbage, which costs 0.3 s at the start of each training run: call
    this after the imports and before models are loaded.
    """
    if language:
        if language not in languages.LANGUAGES:
            raise CourseError(f"There is no course in {language!r}: choose one of {', '.join(languages.LANGUAGES)}.")
        languages.choose(language)
    require_positive(**positive)
    _spare_loopback()
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

    import datasets
    import huggingface_hub.constants
    from transformers.utils import logging

    huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY = True  # read from the environment at its import, long ago
    datasets.disable_progress_bars()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    warnings.filterwarnings("ignore", message=PEFT_WARNING)
    if projector or in_environment():
        enlarge()
    if not gc.get_freeze_count():  # once: a trainer frozen by a later call would stay in memory
        gc.freeze()


def _spare_loopback() -> None:
    """Adds this machine's own addresses to those that need no proxy, here and in processes that are started later."""
    if not getproxies_environment():  # no_proxy alone would hide the proxy of the settings of Windows and macOS
        return
    names = ("no_proxy", "NO_PROXY")  # which of them counts depends on the library
    spared = [host.strip() for name in names for host in os.environ.get(name, "").split(",") if host.strip()]
    if "*" not in spared:
        os.environ.update(dict.fromkeys(names, ",".join(dict.fromkeys([*spared, "127.0.0.1", "localhost"]))))
