"""Training on a CPU: SFTTrainer without the work that only a GPU can afford.

What else was measured on 2 cores with SmolLM2, and is left to the trainer's arguments: batches of 32 process 12% more
tokens a second than of 16 but update half as often, batches of 8 process 12% fewer; fused AdamW is the default already.
Left out: torch.compile (as fast, after 37 s of compiling with a compiler that a laptop may not have), keeping freed
memory through mallopt (no faster), grouping by length (it changes which examples share a batch), PyTorch's fused
rms_norm (8% slower), our own gradient of the vocabulary's logits (as fast at a batch of 16).
"""

import functools
import inspect
import math
import types

import pyarrow.compute as pc
import torch
from datasets import Dataset
from torch.utils.checkpoint import checkpoint
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask
from trl import SFTTrainer
from trl.trainer.utils import FusedCausalLMOutput

CHUNK = 1024  # labelled positions whose logits exist at once: 100 MB in bfloat16 for SmolLM2's vocabulary
ROWS = 64  # of the log-probabilities at a time, for the entropy
UNPADDED = "eager_unpadded"  # the name of the attention below
# Configurations that change the logits after the LM head; for these models TRL's own computation stays.
RESCALED = ("final_logit_softcapping", "logit_scale", "output_multiplier", "lm_head_multiplier", "logits_scaling")


class CPUSFTTrainer(SFTTrainer):
    """SFTTrainer that does the same in less time on a CPU, and is SFTTrainer itself on any other device.

    It takes the same arguments and logs the same columns. On a CPU it differs in two ways, neither of which changes
    what is computed beyond rounding:

    1. TRL's fused LM head computes the vocabulary's logits of every token and masks the prompt's afterwards (on
       CUDA it leaves them out), and computes them once more in the backward pass. Here only labelled tokens get
       logits, and those of up to CHUNK tokens are kept. In bfloat16 TRL makes the gradients of the head in float32;
       here autocast makes them in bfloat16, as those of all layers.
    2. A dataset of short examples (up to `longest_eager` tokens) uses plain ("eager") attention: the fused kernel is
       made for long ones. And padding is computed inside attention alone: all other layers see the batch as one row
       of its real tokens. Packed and padding-free data keeps the attention that the model was loaded with.

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
            own_eager = getattr(inspect.getmodule(type(model)), "eager_attention_forward", None)
            model.set_attn_implementation(UNPADDED if model._supports_attention_backend and own_eager else "eager")


def _score_labelled_only(model) -> None:
    """Replace what `model(..., labels=..., fused_lm_head=True)` does; every other call stays as it was."""
    stock = model.forward

    @functools.wraps(type(model).forward)  # generate checks its arguments against this signature
    def forward(self, *args, fused_lm_head=False, labels=None, shift_labels=None, **kwargs):
        if not fused_lm_head or labels is None or shift_labels is not None:
            return stock(*args, fused_lm_head=fused_lm_head, labels=labels, shift_labels=shift_labels, **kwargs)
        total = kwargs.pop("num_items_in_batch", None)
        kwargs["use_cache"] = False
        if self.config._attn_implementation == UNPADDED and not args and _is_padded(kwargs):
            hidden = _hidden_without_padding(self.base_model, **kwargs)[:, :-1]
        else:
            hidden = self.base_model(*args, **kwargs).last_hidden_state[:, :-1]
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
    log_probs = lm_head(hidden).log_softmax(-1, dtype=torch.float32)
    with torch.no_grad():  # these two are only logged
        is_top1 = log_probs.argmax(-1) == targets
        # A few rows at a time: as a whole, the two products would fill hundreds of megabytes of fresh memory.
        entropy = torch.cat([-(rows.exp() * rows).sum(-1) for rows in log_probs.split(ROWS)])
    return log_probs.gather(-1, targets[:, None])[:, 0], entropy, is_top1


def _is_padded(inputs: dict) -> bool:
    """Whether this is a batch of token ids, padded as TRL pads: behind the real tokens."""
    ids, mask = inputs.get("input_ids"), inputs.get("attention_mask")
    if ids is None or mask is None or mask.dim() != 2:
        return False
    return bool(mask[:, 0].all() and not mask.all())


def _hidden_without_padding(base_model, input_ids, attention_mask, position_ids=None, **kwargs) -> torch.Tensor:
    """The last hidden states (batch x length x width), computed for the real tokens only; 0 where there is padding."""
    real = attention_mask.bool()
    rows, positions = real.nonzero(as_tuple=True)
    length = int(positions.max()) + 1
    future = torch.full((length, length), torch.finfo(base_model.dtype).min, dtype=base_model.dtype).triu(1)
    hidden = base_model(
        input_ids=input_ids[real][None],
        position_ids=positions[None],
        attention_mask=future[None, None],
        unpadded=(rows, positions),
        **kwargs,
    ).last_hidden_state
    return hidden.new_zeros(*real.shape, hidden.shape[-1]).masked_scatter(real[..., None], hidden)


def _unpadded_attention(module, query, key, value, attention_mask, *args, unpadded=None, **kwargs):
    """The model's own plain attention; if `unpadded`, for tokens (1 x heads x tokens x width) that stand in one row.

    unpadded: for each token, the example that it belongs to and its position there.
    """
    eager = inspect.getmodule(type(module)).eager_attention_forward
    if unpadded is None:
        return eager(module, query, key, value, attention_mask, *args, **kwargs)
    rows, positions = unpadded

    def padded(x):
        empty = x.new_zeros(int(rows[-1]) + 1, attention_mask.shape[-1], x.shape[1], x.shape[3])
        return empty.index_put((rows, positions), x[0].transpose(0, 1)).transpose(1, 2)

    # Padding stands behind the real tokens, which look only backwards.
    output, _ = eager(module, padded(query), padded(key), padded(value), attention_mask, *args, **kwargs)
    return output[rows, positions][None], None


AttentionInterface.register(UNPADDED, _unpadded_attention)
AttentionMaskInterface.register(UNPADDED, eager_mask)


def _longest(dataset) -> float:
    """Tokens of the longest example, or infinity where that cannot be known beforehand."""
    if not isinstance(dataset, Dataset) or "input_ids" not in dataset.column_names:
        return math.inf
    return pc.max(pc.list_value_length(dataset.data["input_ids"])).as_py()
