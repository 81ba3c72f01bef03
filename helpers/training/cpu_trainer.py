"""Training on a CPU: SFTTrainer without the work that only a GPU can afford.

What else was measured on 2 cores with SmolLM2, and is left to the trainer's arguments: batches of 32 process 12% more
tokens a second than of 16 but update half as often, batches of 8 process 12% fewer; fused AdamW is the default already.
Left out: torch.compile (as fast, after 37 s of compiling with a compiler that a laptop may not have), keeping freed
memory through mallopt (no faster), grouping by length (it changes which examples share a batch).
"""

import functools
import math
import types

import pyarrow.compute as pc
import torch
from datasets import Dataset
from torch.utils.checkpoint import checkpoint
from trl import SFTTrainer
from trl.trainer.utils import FusedCausalLMOutput

CHUNK = 1024  # labelled positions whose logits exist at once: 100 MB in bfloat16 for SmolLM2's vocabulary
ROWS = 64  # of the logits, in float32 at a time
# Configurations that change the logits after the LM head; for these models TRL's own computation stays.
RESCALED = ("final_logit_softcapping", "logit_scale", "output_multiplier", "lm_head_multiplier", "logits_scaling")


class CPUSFTTrainer(SFTTrainer):
    """SFTTrainer that does the same in less time on a CPU, and is SFTTrainer itself on any other device.

    It takes the same arguments and logs the same columns. On a CPU it differs in two ways, neither of which changes
    what is computed beyond the order of rounding:

    1. TRL's fused LM head computes the vocabulary's logits of every token and masks the prompt's afterwards (on
       CUDA it leaves them out). Here only labelled tokens get logits.
    2. A dataset of short examples (up to `longest_eager` tokens) uses plain ("eager") attention: the fused kernel is
       made for long ones. Packed and padding-free data keeps the attention that the model was loaded with.

    `make bench` measures both. Source of the first: trl 1.16, trl/trainer/utils.py, add_fused_lm_head.
    """

    # Tokens up to which plain attention is no slower than PyTorch's fused kernel here; `make bench` measures it.
    longest_eager: float = 128

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.args.device.type != "cpu":
            return
        model = self.accelerator.unwrap_model(self.model)
        model = model.get_base_model() if hasattr(model, "get_base_model") else model
        config = model.config.get_text_config()
        if not getattr(config, "output_router_logits", False) and not any(
            getattr(config, name, None) is not None for name in RESCALED
        ):
            _score_labelled_only(model)
        if not self.padding_free and _longest(self.train_dataset) <= self.longest_eager:
            model.set_attn_implementation("eager")


def _score_labelled_only(model) -> None:
    """Replace what `model(..., labels=..., fused_lm_head=True)` does; every other call stays as it was."""
    stock = model.forward

    @functools.wraps(type(model).forward)  # generate checks its arguments against this signature
    def forward(self, *args, fused_lm_head=False, labels=None, shift_labels=None, **kwargs):
        if not fused_lm_head or labels is None or shift_labels is not None:
            return stock(*args, fused_lm_head=fused_lm_head, labels=labels, shift_labels=shift_labels, **kwargs)
        total = kwargs.pop("num_items_in_batch", None)
        hidden = self.base_model(*args, **{**kwargs, "use_cache": False}).last_hidden_state[:, :-1]
        targets, mask = labels[:, 1:], labels[:, 1:] != -100
        parts = zip(hidden[mask].split(CHUNK), targets[mask].split(CHUNK), strict=True)
        score = functools.partial(_score, self.get_output_embeddings())
        if mask.sum() > CHUNK:  # then the chunks' logits are computed again in the backward pass, not kept
            score = functools.partial(checkpoint, score, use_reentrant=False)
        scored = zip(*(score(*part) for part in parts), strict=True)
        spread = (x.new_zeros(mask.shape).masked_scatter(mask, x) for x in map(torch.cat, scored))
        log_probs, entropy, is_top1 = spread
        loss = -log_probs.sum() / (mask.sum().clamp(min=1) if total is None else total)
        return FusedCausalLMOutput(loss=loss, log_probs=log_probs, entropy=entropy, is_top1=is_top1, label_mask=mask)

    model.forward = types.MethodType(forward, model)  # bound, as TRL's is: what wraps it later looks for that


def _score(lm_head, hidden: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """For n tokens (hidden: n x width, targets: n): log-probability, entropy in nats, whether it is the top guess."""
    return _LogProbs.apply(lm_head(hidden), targets)


class _LogProbs(torch.autograd.Function):
    """Log-probabilities from logits (n x vocabulary) in float32, a few rows at a time: as a whole they would fill
    hundreds of megabytes of fresh memory, which costs more than the arithmetic."""

    @staticmethod
    def forward(ctx, logits, targets):
        found = []
        for z, target in zip(logits.split(ROWS), targets.split(ROWS), strict=True):
            every = z.float().log_softmax(-1)
            chosen = every.gather(-1, target[:, None])[:, 0]
            found.append((chosen, -(every.exp() * every).sum(-1), every.argmax(-1) == target))
        log_probs, entropy, is_top1 = map(torch.cat, zip(*found, strict=True))
        ctx.save_for_backward(logits, targets, log_probs)
        ctx.mark_non_differentiable(entropy, is_top1)
        return log_probs, entropy, is_top1

    @staticmethod
    def backward(ctx, grad, *_):
        logits, targets, log_probs = ctx.saved_tensors
        grad_logits = torch.empty_like(logits)
        parts = (x.split(ROWS) for x in (logits, grad_logits, targets[:, None], log_probs[:, None], grad[:, None]))
        for z, out, target, log_prob, g in zip(*parts, strict=True):
            z = z.float()
            slope = (z - (z.gather(-1, target) - log_prob)).exp_().mul_(-g)  # d log p(target) / dz is [target] - p
            out.copy_(slope.scatter_add_(-1, target, g))
        return grad_logits, None


def _longest(dataset) -> float:
    """Tokens of the longest example, or infinity where that cannot be known beforehand."""
    if not isinstance(dataset, Dataset) or "input_ids" not in dataset.column_names:
        return math.inf
    return pc.max(pc.list_value_length(dataset.data["input_ids"])).as_py()
