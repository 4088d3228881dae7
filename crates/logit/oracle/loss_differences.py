"""Where the peers differ from the formulas, or from each other. Each difference is asserted, so that it stays true."""

import torch
import torch.nn.functional as F
from segmentation_models_pytorch import losses as smp
from torchvision.ops import sigmoid_focal_loss

import loss_formulas as ours

INDEX = torch.tensor([0, 2, 1, 2])
HARD = torch.tensor([[1.0, 0, 1], [0, 0, 1], [1, 1, 0], [0, 1, 1]], dtype=torch.float64)
LOGITS = torch.tensor([[0.5, -1, 2], [1.5, 0.25, -0.5], [-2, 1, 0.75], [0, 3, -1.25]], dtype=torch.float64)
WEIGHT = torch.tensor([0.5, 2.0, 1.25], dtype=torch.float64)


def check():
    cross_entropy_means()
    values_with_weights()
    binary_cross_entropy_smoothing_and_mean()
    focal_at_the_extremes()
    focal_over_classes()
    overlap_denominators()
    lovasz_over_labels()
    clamped_variance()


def same(a, b):
    return torch.allclose(torch.as_tensor(a), torch.as_tensor(b), rtol=1e-9, atol=0)


def cross_entropy_means():
    """torch: a mean over nothing is NaN; a weighted mean divides by weights for indices, by rows for distributions."""
    ignored = torch.full_like(INDEX, -100)
    assert F.cross_entropy(LOGITS, ignored).isnan() and ours.cross_entropy(LOGITS, ignored, "classes") == 0
    total = F.cross_entropy(LOGITS, INDEX, WEIGHT, reduction="sum")
    assert same(F.cross_entropy(LOGITS, INDEX, WEIGHT), total / WEIGHT[INDEX].sum())
    assert same(F.cross_entropy(LOGITS, F.one_hot(INDEX, 3).double(), WEIGHT), total / len(INDEX))


def values_with_weights():
    """torch: a weighted mean divides by the weights for squared and absolute errors, by elements for Huber, as ours."""
    weight = WEIGHT.expand_as(LOGITS)
    for peer, formula in ((F.mse_loss, ours.squared), (F.l1_loss, ours.absolute)):
        total = formula(LOGITS, HARD, "values", "sum", WEIGHT.tolist())
        assert same(peer(LOGITS, HARD, weight=weight), total / weight.sum())
    mean = ours.huber(LOGITS, HARD, "values", 1.0, weight=WEIGHT.tolist())
    assert same(F.huber_loss(LOGITS, HARD, weight=weight), mean)


def binary_cross_entropy_smoothing_and_mean():
    """segmentation_models_pytorch: a smooth factor s is our 2s, and ignored entries stay in the denominator."""
    smoothed = ours.binary_cross_entropy(LOGITS, HARD, "labels", label_smoothing=0.2)
    assert same(smp.SoftBCEWithLogitsLoss(smooth_factor=0.1)(LOGITS, HARD), smoothed)
    some = HARD.clone()
    some[0] = 255
    mean = ours.binary_cross_entropy(LOGITS, some, "labels", ignore_index=255)
    assert same(smp.SoftBCEWithLogitsLoss(ignore_index=255)(LOGITS, some), mean * 9 / 12)


def focal_at_the_extremes():
    """torchvision: the gradient of a sure and right answer is NaN for a gamma below 1; the limit is 0."""
    gradients = []
    for loss in (lambda x, t: sigmoid_focal_loss(x, t, -1, 0.5).sum(), lambda x, t: ours.focal(x, t, "labels", 0.5)):
        sure = torch.tensor([[1e4, -1e4]], dtype=torch.float64, requires_grad=True)
        gradients.append(torch.autograd.grad(loss(sure, torch.tensor([[1.0, 0.0]], dtype=torch.float64)), sure)[0])
    assert gradients[0].isnan().all() and (gradients[1] == 0).all()


def focal_over_classes():
    """segmentation_models_pytorch: its multiclass focal loss is one sigmoid per class, not softmax."""
    sigmoid = ours.focal(LOGITS, F.one_hot(INDEX, 3).double(), "labels", 2.0)
    assert same(smp.FocalLoss("multiclass", gamma=2.0)(LOGITS, INDEX), sigmoid)
    assert not same(sigmoid, ours.focal(LOGITS, INDEX, "classes", 2.0))


def overlap_denominators():
    """segmentation_models_pytorch: absent classes are zero yet divided by; Dice smooths twice; TP is min(p, t)."""
    two = INDEX.clamp(max=1)
    assert same(smp.DiceLoss("multiclass")(LOGITS, two) * 3 / 2, ours.dice(LOGITS, two, "classes", 0.0))
    assert same(smp.DiceLoss("multiclass", smooth=1.0)(LOGITS, INDEX), ours.dice(LOGITS, INDEX, "classes", 2.0))
    half = HARD * 0.5
    assert smp.JaccardLoss("multilabel")(half.logit(), half).abs() < 1e-9  # p = t: to it, no error
    assert ours.jaccard(half.logit(), half, "labels", 0.0) > 0.5


def lovasz_over_labels():
    """segmentation_models_pytorch: all labels are one long list of pixels; only f32; and [N, C, L] is refused."""
    logits, hard = LOGITS.float(), HARD.float()
    label_by_label = ours.lovasz(logits, hard, "labels")
    assert not torch.isclose(smp.LovaszLoss("multilabel")(logits, hard), label_by_label)
    for peer, x, t in (("multilabel", LOGITS, HARD), ("multiclass", LOGITS.reshape(2, 3, 2), INDEX.reshape(2, 2))):
        try:
            smp.LovaszLoss(peer)(x, t)
        except (RuntimeError, ValueError):
            continue
        raise AssertionError(f"{peer} takes {list(x.shape)} in {x.dtype}")


def clamped_variance():
    """torch: the gradient passes through the clamp of the variance, evaluated at the clamped value."""
    log_variance = torch.tensor([[-20.0]], dtype=torch.float64, requires_grad=True)
    zero = torch.zeros(1, 1, dtype=torch.float64)
    loss = F.gaussian_nll_loss(zero, zero, log_variance.exp())
    assert same(torch.autograd.grad(loss, log_variance)[0], log_variance.detach().exp() / 2 / 1e-6)
