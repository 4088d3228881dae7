"""The losses as formulas, each written as literally as torch allows; autograd gives the gradients."""

import math

import torch
import torch.nn.functional as F

BINARY_KINDS = ("labels", "yes_no")


def reduce(per_element, denominator, reduction):
    """The mean over nothing is zero, with a zero gradient: the crate's rule, where torch gives NaN."""
    if reduction == "none":
        return per_element
    if reduction == "sum":
        return per_element.sum()
    return per_element.sum() / denominator if denominator > 0 else per_element.sum() * 0


def per_unit(weight, logits):
    """One weight for each unit of axis 1, shaped to broadcast over samples and positions."""
    if weight is None:
        return torch.ones_like(logits)
    shape = [1, -1] + [1] * (logits.dim() - 2)
    return torch.tensor(weight, dtype=logits.dtype).reshape(shape).expand_as(logits)


def one_hot(targets, counted, logits):
    """Index targets [N, ...] as [N, C, ...], all zeros where a target does not count."""
    encoded = F.one_hot(torch.where(counted, targets, 0), logits.shape[1]).movedim(-1, 1)
    return encoded.to(logits.dtype) * counted.unsqueeze(1)


def counts(targets, ignore_index):
    return torch.ones_like(targets, dtype=torch.bool) if ignore_index is None else targets != ignore_index


def cap(logits, soft_cap):
    return logits if soft_cap is None else soft_cap * torch.tanh(logits / soft_cap)


def expected_score(logits, low, high, steps):
    return (torch.linspace(low, high, steps, dtype=logits.dtype) * logits.softmax(1)).sum(1)


def position(targets, low, high, steps):
    """Where a target in [low, high] lies on the steps 0 .. steps - 1."""
    return (targets - low) * (steps - 1) / (high - low)


def reached(targets, low, high, steps):
    """For each level k of 0 .. steps - 2, how far the target is past it: clamp(position - k, 0, 1)."""
    levels = torch.arange(steps - 1, dtype=targets.dtype)
    return (position(targets, low, high, steps).unsqueeze(1) - levels).clamp(0, 1)


def cross_entropy(logits, targets, kind, reduction="mean", weight=None, ignore_index=-100, label_smoothing=0.0,
                  z_loss=0.0, soft_cap=None):
    logits = cap(logits, soft_cap)
    log_z = logits.logsumexp(1)
    log_p = logits - log_z.unsqueeze(1)
    weights = per_unit(weight, logits)
    if targets.dim() < logits.dim():
        counted = targets != ignore_index
        distribution = one_hot(targets, counted, logits)
        denominator = (weights * distribution).sum()
    else:
        counted = torch.ones_like(log_z, dtype=torch.bool)
        distribution = targets
        denominator = counted.sum()
    smoothed = distribution * (1 - label_smoothing) + label_smoothing / logits.shape[1]
    loss = reduce(-(weights * smoothed * log_p).sum(1) * counted, denominator, reduction)
    return loss + reduce(z_loss * log_z**2 * counted, counted.sum(), reduction)


def binary_cross_entropy(logits, targets, kind, reduction="mean", weight=None, pos_weight=None, ignore_index=None,
                         label_smoothing=0.0):
    counted = counts(targets, ignore_index)
    smoothed = targets * (1 - label_smoothing) + label_smoothing / 2
    smoothed = torch.where(counted, smoothed, 0)
    positive = per_unit(pos_weight, logits) * smoothed * F.logsigmoid(logits)
    negative = (1 - smoothed) * F.logsigmoid(-logits)
    return reduce(-per_unit(weight, logits) * (positive + negative) * counted, counted.sum(), reduction)


def focal(logits, targets, kind, gamma, reduction="mean", alpha=-1, weight=None, ignore_index=None):
    """1 - p is taken in log space, so that its gradient is finite, and keeps its digits in f32, at any logit."""
    counted = counts(targets, ignore_index)
    if kind in BINARY_KINDS:
        t = torch.where(counted, targets, 0)
        log_p, log_not_p = F.logsigmoid(logits), F.logsigmoid(-logits)
        log_wrong = torch.logaddexp(t.log() + log_not_p, (1 - t).log() + log_p)
        balance = alpha * t + (1 - alpha) * (1 - t) if alpha >= 0 else torch.ones_like(t)
        loss = -balance * torch.exp(gamma * log_wrong) * (t * log_p + (1 - t) * log_not_p)
        return reduce(loss * counted, counted.sum(), reduction)
    # Softmax gives class c the sigmoid of its lead over the log-sum-exp of the other classes.
    others = [torch.cat([logits[:, :c], logits[:, c + 1:]], 1).logsumexp(1) for c in range(logits.shape[1])]
    lead = logits - torch.stack(others, 1)
    weighted = per_unit(weight, logits) * one_hot(targets, counted, logits)
    loss = -(weighted * torch.exp(gamma * F.logsigmoid(-lead)) * F.logsigmoid(lead)).sum(1)
    return reduce(loss, weighted.sum(), reduction)


def overlap(score, logits, targets, kind, ignore_index=None, per_sample=False, include_absent=False):
    """1 - score(TP, FP, FN), averaged over the classes that occur, then over samples where `per_sample`."""
    counted = counts(targets, ignore_index)
    if kind in BINARY_KINDS:
        p, t = logits.sigmoid(), torch.where(counted, targets, 0)
    else:
        p = logits.softmax(1)
        t = one_hot(targets, counted, logits) if targets.dim() < logits.dim() else targets
        counted = counted.unsqueeze(1).expand_as(p) if targets.dim() < logits.dim() else counted
    groups = [slice(n, n + 1) for n in range(len(p))] if per_sample else [slice(None)]
    losses = []
    for group in groups:
        classes = []
        for c in range(p.shape[1]):
            p_c, t_c, m_c = p[group, c], t[group, c], counted[group, c]
            if include_absent or (t_c * m_c).sum() > 0:
                tp, fp, fn = ((m_c * x).sum() for x in (p_c * t_c, p_c * (1 - t_c), (1 - p_c) * t_c))
                classes.append(1 - score(tp, fp, fn))
        losses.append(torch.stack(classes).mean() if classes else (logits * 0).sum())
    return torch.stack(losses).mean()


def tversky(logits, targets, kind, alpha, beta, smooth, **options):
    return overlap(lambda tp, fp, fn: (tp + smooth) / (tp + alpha * fp + beta * fn + smooth), logits, targets, kind,
                   **options)


def dice(logits, targets, kind, smooth, **options):
    return overlap(lambda tp, fp, fn: (2 * tp + smooth) / (2 * tp + fp + fn + smooth), logits, targets, kind,
                   **options)


def jaccard(logits, targets, kind, smooth, **options):
    return overlap(lambda tp, fp, fn: (tp + smooth) / (tp + fp + fn + smooth), logits, targets, kind, **options)


def lovasz_extension(errors, foreground):
    """Berman et al. 2018, equations 6 and 9: the mispredicted set M costs |M| / |foreground ∪ M|."""
    order = errors.argsort(descending=True)
    gaps = errors[order].diff().abs()
    assert ((gaps > 1e-5) | (gaps == 0) & (errors[order][1:] % 1 == 0)).all(), "a tie: the gradient is ambiguous"
    total, previous = (errors * 0).sum(), 0.0
    for rank, i in enumerate(order):
        mispredicted = order[: rank + 1]
        cost = (rank + 1) / (foreground.sum() + (~foreground[mispredicted]).sum()).item()
        total = total + errors[i] * (cost - previous)
        previous = cost
    return total


def lovasz(logits, targets, kind, ignore_index=None, per_sample=False):
    counted = counts(targets, ignore_index)
    losses = []
    for group in [slice(n, n + 1) for n in range(len(logits))] if per_sample else [slice(None)]:
        classes = []
        for c in range(logits.shape[1]):
            if kind in BINARY_KINDS:
                keep = counted[group, c]
                foreground = targets[group, c][keep] == 1
                errors = (1 - logits[group, c][keep] * torch.where(foreground, 1, -1)).relu()
            else:
                keep = counted[group]
                foreground = targets[group][keep] == c
                p = logits.softmax(1)[group, c][keep]
                errors = torch.where(foreground, 1 - p, p)
                if not foreground.any():
                    continue
            classes.append(lovasz_extension(errors, foreground))
        losses.append(torch.stack(classes).mean() if classes else (logits * 0).sum())
    return torch.stack(losses).mean()


def pointwise(cost, logits, targets, reduction, weight):
    loss = cost(logits - targets) * per_unit(weight, logits)
    return reduce(loss, loss.numel(), reduction)


def squared(logits, targets, kind, reduction="mean", weight=None):
    return pointwise(lambda e: e**2, logits, targets, reduction, weight)


def absolute(logits, targets, kind, reduction="mean", weight=None):
    return pointwise(lambda e: e.abs(), logits, targets, reduction, weight)


def huber(logits, targets, kind, delta, reduction="mean", weight=None):
    return pointwise(lambda e: torch.where(e.abs() <= delta, e**2 / 2, delta * (e.abs() - delta / 2)), logits,
                     targets, reduction, weight)


def gaussian_nll(logits, targets, kind, reduction="mean", full=False, eps=1e-6):
    mean, log_variance = logits.chunk(2, 1)
    assert (log_variance > math.log(eps)).all(), "a clamped variance: the gradient is ambiguous"
    loss = (log_variance + (mean - targets) ** 2 / log_variance.exp()) / 2
    loss = loss + math.log(2 * math.pi) / 2 if full else loss
    return reduce(loss, loss.numel(), reduction)


def quantile(logits, targets, kind, levels, reduction="mean"):
    """Pinball loss; unit t * Q + q is the q-th level of output t."""
    q = torch.tensor(levels, dtype=logits.dtype)
    error = targets.unsqueeze(2) - logits.reshape(len(logits), -1, len(levels))
    loss = torch.maximum(q * error, (q - 1) * error).flatten(1)
    return reduce(loss, loss.numel(), reduction)


def spread(targets, low, high, steps):
    """Tai et al. 2015: the target's weight on its two neighbouring steps."""
    at = torch.arange(steps, dtype=targets.dtype)
    return (1 - (position(targets, low, high, steps).unsqueeze(1) - at).abs()).clamp(min=0)


def interpolated_kl(logits, targets, kind, low, high, steps, reduction="mean"):
    t = spread(targets, low, high, steps)
    row = (torch.where(t > 0, t * t.clamp(min=1e-30).log(), 0) - t * logits.log_softmax(1)).sum(1)
    return reduce(row, len(row), reduction)


def minus_pearson(logits, targets, kind, low, high, steps):
    score = expected_score(logits, low, high, steps)
    a, b = score - score.mean(), targets - targets.mean()
    return -(a * b).sum() / ((a**2).sum().sqrt() * (b**2).sum().sqrt())


def coral(logits, targets, kind, low, high, steps, reduction="mean", importance_weights=None):
    level = reached(targets, low, high, steps)
    cost = level * F.logsigmoid(logits) + (1 - level) * F.logsigmoid(-logits)
    row = -(per_unit(importance_weights, logits) * cost).sum(1)
    return reduce(row, len(row), reduction)


def corn(logits, targets, kind, low, high, steps, reduction="mean"):
    level = reached(targets, low, high, steps)
    before = torch.cat([torch.ones_like(level[:, :1]), level[:, :-1]], 1)
    row = -(level * F.logsigmoid(logits) + (before - level) * F.logsigmoid(-logits)).sum(1)
    return reduce(row, before.sum(), reduction)
