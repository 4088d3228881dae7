"""The same losses by the libraries that define them: None where a peer is not defined, or defined otherwise."""

import torch
import torch.nn.functional as F
from coral_pytorch.losses import coral_loss, corn_loss
from segmentation_models_pytorch import losses as smp
from segmentation_models_pytorch.losses import _functional as smp_functional
from sklearn.metrics import mean_pinball_loss
from torchvision.ops import sigmoid_focal_loss

from loss_formulas import BINARY_KINDS, cap, counts, expected_score, one_hot, per_unit, position, reached, reduce


def cross_entropy(logits, targets, kind, reduction="mean", weight=None, ignore_index=-100, label_smoothing=0.0,
                       z_loss=0.0, soft_cap=None):
    is_index = targets.dim() < logits.dim()
    counted = targets != ignore_index if is_index else torch.ones_like(logits[:, 0], dtype=torch.bool)
    if not counted.any():
        return None
    logits = cap(logits, soft_cap)
    weights = None if weight is None else torch.tensor(weight, dtype=logits.dtype)
    loss = F.cross_entropy(logits, targets, weights, ignore_index=ignore_index, reduction=reduction,
                           label_smoothing=label_smoothing)
    return loss + reduce(z_loss * logits.logsumexp(1) ** 2 * counted, counted.sum(), reduction)


def binary_cross_entropy(logits, targets, kind, reduction="mean", weight=None, pos_weight=None,
                              ignore_index=None, label_smoothing=0.0):
    counted = counts(targets, ignore_index)
    smoothed = targets * (1 - label_smoothing) + label_smoothing / 2
    if counted.all():
        return F.binary_cross_entropy_with_logits(logits, smoothed, per_unit(weight, logits), reduction=reduction,
                                                  pos_weight=per_unit(pos_weight, logits))
    # A peer with ignored targets, and the same smoothing written t(1-s) + (1-t)s, with s = label_smoothing / 2.
    # Its own mean divides by every entry, counted or not.
    peer = smp.SoftBCEWithLogitsLoss(per_unit(weight, logits), ignore_index, "none", label_smoothing / 2,
                                     per_unit(pos_weight, logits))
    return reduce(peer(logits, targets), counted.sum(), reduction)


def focal(logits, targets, kind, gamma, reduction="mean", alpha=-1, weight=None, ignore_index=None):
    if gamma == 0 and kind not in BINARY_KINDS:
        ignored = -100 if ignore_index is None else ignore_index
        return cross_entropy(logits, targets, kind, reduction, weight, ignored)
    if gamma == 0 and alpha < 0:
        return binary_cross_entropy(logits, targets, kind, reduction, ignore_index=ignore_index)
    counted = counts(targets, ignore_index)
    safe = torch.where(counted, targets, 0)
    if logits.abs().max() > 30:  # both peers take (1 - p)^gamma of a p rounded to 1: no digits, or a NaN gradient
        return None
    if kind in BINARY_KINDS:
        return reduce(sigmoid_focal_loss(logits, safe, alpha, gamma) * counted, counted.sum(), reduction)
    weights = (per_unit(weight, logits) * one_hot(targets, counted, logits)).sum(1)
    loss = smp_functional.softmax_focal_loss_with_logits(logits, safe, gamma, reduction="none")
    return reduce(loss * weights, weights.sum(), reduction)


def overlap(build, logits, targets, kind, per_sample, include_absent, ignore_index):
    """segmentation_models_pytorch, which zeroes absent classes too but divides by all of them."""
    soft = targets.dim() == logits.dim() and (counts(targets, ignore_index) & (targets != targets.round())).any()
    index = kind == "classes" and targets.dim() < logits.dim()
    if include_absent or soft or not (index or kind in BINARY_KINDS):
        return None  # its TP of a soft target is the sum of min(p, t), not of p t
    loss = build("multiclass" if index else "multilabel", ignore_index)
    groups = zip(logits.split(1), targets.split(1)) if per_sample else [(logits, targets)]
    losses = []
    for x, t in groups:
        if index:
            present = len(t[counts(t, ignore_index)].unique())
        else:
            present = (t * counts(t, ignore_index)).transpose(0, 1).flatten(1).any(1).sum()
        losses.append(loss(x, t) * x.shape[1] / max(present, 1))
    return torch.stack(losses).mean()


def tversky(logits, targets, kind, alpha, beta, smooth, ignore_index=None, per_sample=False,
                 include_absent=False):
    def build(mode, ignore):
        return smp.TverskyLoss(mode, smooth=smooth, ignore_index=ignore, eps=1e-300, alpha=alpha, beta=beta)
    return overlap(build, logits, targets, kind, per_sample, include_absent, ignore_index)


def dice(logits, targets, kind, smooth, ignore_index=None, per_sample=False, include_absent=False):
    def build(mode, ignore):  # half: it adds `smooth` to TP and to TP + FP/2 + FN/2
        return smp.DiceLoss(mode, smooth=smooth / 2, ignore_index=ignore, eps=1e-300)
    return overlap(build, logits, targets, kind, per_sample, include_absent, ignore_index)


def jaccard(logits, targets, kind, smooth, ignore_index=None, per_sample=False, include_absent=False):
    def build(mode, ignore):
        return smp.JaccardLoss(mode, smooth=smooth, ignore_index=ignore, eps=1e-300)
    return overlap(build, logits, targets, kind, per_sample, include_absent, ignore_index)


def lovasz(logits, targets, kind, ignore_index=None, per_sample=False):
    """In f32: the peer cannot take float64. It flattens all labels into one, so it is asked label by label."""
    counted = counts(targets, ignore_index)
    if not counted.any():
        return None
    if kind not in BINARY_KINDS:
        image = logits.unsqueeze(3) if logits.dim() == 3 else logits  # it reads [N, C, L] as [N, H, W]
        return smp.LovaszLoss("multiclass", per_sample, ignore_index)(image, targets)
    loss = smp.LovaszLoss("multilabel", per_sample, ignore_index)
    return torch.stack([loss(logits[:, c], targets[:, c]) for c in range(logits.shape[1])]).mean()


def pointwise(peer, logits, targets, reduction, weight, **options):
    """Ours divides a weighted mean by the number of elements; of the peers, Huber alone does."""
    if weight is None:
        return peer(logits, targets, reduction=reduction, **options)
    loss = peer(logits, targets, reduction="none", weight=per_unit(weight, logits), **options)
    return reduce(loss, loss.numel(), reduction)


def squared(logits, targets, kind, reduction="mean", weight=None):
    return pointwise(F.mse_loss, logits, targets, reduction, weight)


def absolute(logits, targets, kind, reduction="mean", weight=None):
    return pointwise(F.l1_loss, logits, targets, reduction, weight)


def huber(logits, targets, kind, delta, reduction="mean", weight=None):
    return pointwise(F.huber_loss, logits, targets, reduction, weight, delta=delta)


def gaussian_nll(logits, targets, kind, reduction="mean", full=False, eps=1e-6):
    mean, log_variance = logits.chunk(2, 1)
    return F.gaussian_nll_loss(mean, targets, log_variance.exp(), full=full, eps=eps, reduction=reduction)


def quantile(logits, targets, kind, levels, reduction="mean"):
    """A value without a gradient, asked element by element."""
    units = logits.detach().double().reshape(len(logits), -1, len(levels))
    loss = [mean_pinball_loss([targets[n, t].item()], [units[n, t, q].item()], alpha=level)
            for n in range(len(units)) for t in range(units.shape[1]) for q, level in enumerate(levels)]
    return reduce(torch.tensor(loss, dtype=logits.dtype).reshape(len(logits), -1), len(loss), reduction)


def interpolated_kl(logits, targets, kind, low, high, steps, reduction="mean"):
    at = position(targets, low, high, steps)
    below, fraction = at.floor().long(), at.frac()
    t = torch.zeros_like(logits)
    t.scatter_add_(1, below.unsqueeze(1), (1 - fraction).unsqueeze(1))
    t.scatter_add_(1, below.add(1).clamp(max=steps - 1).unsqueeze(1), fraction.unsqueeze(1))
    if reduction == "none":
        return F.kl_div(logits.log_softmax(1), t, reduction="none").sum(1)
    return F.kl_div(logits.log_softmax(1), t, reduction={"mean": "batchmean"}.get(reduction, reduction))


def minus_pearson(logits, targets, kind, low, high, steps):
    return -torch.corrcoef(torch.stack([expected_score(logits, low, high, steps), targets]))[0, 1]


def coral(logits, targets, kind, low, high, steps, reduction="mean", importance_weights=None):
    return coral_loss(logits, reached(targets, low, high, steps), per_unit(importance_weights, logits)[0],
                      None if reduction == "none" else reduction)


def corn(logits, targets, kind, low, high, steps, reduction="mean"):
    """The peer takes whole grades and gives one mean; the generalised loss of a row is linear between whole grades."""
    at = position(targets, low, high, steps)
    below, fraction = at.floor().long(), at.frac()
    rows, tasks = [], []
    for n in range(len(logits)):
        row, seen = 0, 0
        for grade, share in ((below[n], 1 - fraction[n]), (below[n] + 1, fraction[n])):
            if share > 0:
                row = row + share * corn_loss(logits[n:n + 1], grade.reshape(1), steps) * min(grade + 1, steps - 1)
                seen = seen + share * min(grade + 1, steps - 1)
        rows.append(row)
        tasks.append(seen)
    loss = reduce(torch.stack(rows), torch.stack(tasks).sum(), reduction)
    if reduction == "mean" and not fraction.any():
        assert torch.isclose(loss, corn_loss(logits, at.long(), steps), rtol=1e-12)
    return loss
