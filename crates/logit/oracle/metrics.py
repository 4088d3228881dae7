"""Writes tests/fixtures/metrics/*.json: what scikit-learn, SciPy, torchmetrics and NumPy say of random data.

README.md beside this file says how to run it and what a fixture holds.
"""

import json
import pathlib
import warnings

import numpy as np
import scipy
import sklearn
import torch
import torchmetrics
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit, log_softmax, softmax
from scipy.stats import pearsonr, spearmanr
from sklearn import metrics as sk
from torchmetrics.functional import classification as tm
from torchmetrics.functional.classification.calibration_error import _ce_compute

FIXTURES = pathlib.Path(__file__).parent.parent / "tests/fixtures/metrics"
VERSIONS = {m.__name__: m.__version__ for m in (np, scipy, sklearn, torch, torchmetrics)}
AVERAGES = ("micro", "macro", "weighted")
BETAS = (0.5, 1.0, 2.0)
NORMS = ("l1", "max")

warnings.simplefilter("ignore")
random = np.random.default_rng(20170806)


def plain(value):
    """NumPy to what JSON holds, flat, NaN as null."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.ravel()]
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return None if np.isnan(value) else float(value)
    return value


def write(name, cases):
    FIXTURES.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"versions": VERSIONS, "cases": plain(cases)}, allow_nan=False)
    (FIXTURES / f"{name}.json").write_text(text.replace(', {"name"', ',\n{"name"') + "\n")


def mean_defined(values):
    values = [value for value in values if not np.isnan(value)]
    return np.mean(values) if values else np.nan


# Decisions


def prf(targets, decisions, average, **more):
    """Precision, recall and F at each beta."""
    scores = [
        sk.precision_recall_fscore_support(
            targets, decisions, beta=beta, average=average, zero_division=0, **more
        )
        for beta in BETAS
    ]
    return {
        "precision": scores[0][0],
        "recall": scores[0][1],
        "f_beta": [score[2] for score in scores],
    }


def confusion(name, classes, targets, decisions, ignore_index):
    keep = targets != ignore_index
    t, d = targets[keep], decisions[keep]
    occurs = np.isin(np.arange(classes), np.concatenate([t, d]))
    per_class = lambda measure: np.where(
        occurs, measure(t, d, labels=range(classes), average=None, zero_division=0), np.nan
    )
    return {
        "name": name,
        "classes": classes,
        "targets": targets,
        "decisions": decisions,
        "ignore_index": ignore_index,
        "matrix": sk.confusion_matrix(t, d, labels=range(classes)),
        "accuracy": sk.accuracy_score(t, d),
        "per_class": {
            "precision": sk.precision_score(t, d, labels=range(classes), average=None, zero_division=0),
            "recall": sk.recall_score(t, d, labels=range(classes), average=None, zero_division=0),
            "iou": per_class(sk.jaccard_score),
            "dice": per_class(sk.f1_score),
            "support": np.bincount(t, minlength=classes),
        },
        "mean_iou": sk.jaccard_score(t, d, average="macro"),
        "mean_dice": sk.f1_score(t, d, average="macro"),
        "averages": [{"average": average, **prf(t, d, average)} for average in AVERAGES],
    }


def confusion_cases():
    random_classes = lambda classes, size: random.choice(classes, size)
    yield confusion("ignored", 4, random_classes([0, 1, 2, 3, -100], 80), random_classes(4, 80), -100)
    # 1 is in neither, 4 only decided, 5 only a target.
    yield confusion("absent", 6, random_classes([0, 2, 3, 5], 60), random_classes([0, 2, 3, 4], 60), None)
    yield confusion("mask", 2, random_classes([0, 1, 255], 90), random_classes(2, 90), 255)


def labels(name, targets, decisions, ignore):
    n, k = targets.shape
    keep = np.ones_like(targets) if ignore is None else ~ignore
    columns = [(targets[keep[:, j], j], decisions[keep[:, j], j]) for j in range(k)]
    rows = [(targets[i, keep[i]], decisions[i, keep[i]]) for i in range(n) if keep[i].any()]
    support = [t.sum() for t, _ in columns]
    binary = lambda t, d: prf(t, d, "binary", pos_label=True)
    flat = lambda score: np.array([score["precision"], score["recall"], *score["f_beta"]])
    split = lambda f: {"precision": f[0], "recall": f[1], "f_beta": f[2:]}
    each = np.array([flat(binary(t, d)) for t, d in columns])
    averages = {
        "micro": flat(binary(targets[keep], decisions[keep])),
        "macro": each.mean(axis=0),
        "weighted": np.average(each, axis=0, weights=support),
        "samples": np.mean([flat(binary(t, d)) for t, d in rows], axis=0),
    }
    if ignore is None:
        for average, expected in averages.items():
            assert np.allclose(flat(prf(targets, decisions, average)), expected, rtol=1e-13)
        assert sk.accuracy_score(targets, decisions) == np.mean([(t == d).all() for t, d in rows])
    occurs = [(t | d).any() for t, d in columns]
    defined = lambda measure: [measure(*c) if o else np.nan for c, o in zip(columns, occurs)]
    return {
        "name": name,
        "labels": k,
        "targets": targets,
        "decisions": decisions,
        "ignore": ignore,
        "exact_match": np.mean([(t == d).all() for t, d in rows]),
        "hamming_loss": sk.hamming_loss(targets[keep], decisions[keep]),
        "per_label": [sk.confusion_matrix(t, d, labels=[False, True]) for t, d in columns],
        "mean_iou": mean_defined(defined(sk.jaccard_score)),
        "mean_dice": mean_defined(defined(sk.f1_score)),
        "averages": [{"average": average, **split(f)} for average, f in averages.items()],
    }


def labels_cases():
    targets, decisions = random.random((30, 5)) < 0.4, random.random((30, 5)) < 0.5
    # 3 is never decided, 4 never decided nor a target; row 0 has none of either.
    decisions[:, 3:] = False
    targets[:, 4] = False
    targets[0] = decisions[0] = False
    yield labels("absent", targets, decisions, None)
    ignore = random.random((30, 5)) < 0.3
    ignore[7] = True
    yield labels("ignored", targets, decisions, ignore)


# Scores


def top_k(name, scores, targets, ignore_index):
    keep = targets != ignore_index
    classes = scores.shape[1]
    # Of equal scores scikit-learn takes the highest index first: turned around, the lowest.
    accuracy = [
        sk.top_k_accuracy_score(classes - 1 - targets[keep], scores[keep, ::-1], k=k, labels=range(classes))
        for k in range(1, classes + 1)
    ]
    assert accuracy[0] == np.mean(scores[keep].argmax(axis=1) == targets[keep])
    return {
        "name": name,
        "classes": classes,
        "scores": scores,
        "targets": targets,
        "ignore_index": ignore_index,
        "accuracy": accuracy,
    }


def top_k_cases():
    yield top_k("ties", random.integers(0, 4, (60, 6)) / 10, random.integers(0, 6, 60), None)
    yield top_k("ignored", random.normal(0, 3, (40, 5)), random.integers(-1, 5, 40), -1)
    yield top_k("large", random.uniform(-1e4, 1e4, (40, 3)), random.integers(0, 3, 40), None)


def ranking(name, kind, scores, positive, keep, inputs):
    columns = [(positive[keep[:, j], j], scores[keep[:, j], j]) for j in range(scores.shape[1])]
    both = lambda t: 0 < t.sum() < len(t)
    auroc = [sk.roc_auc_score(t, s) if both(t) else np.nan for t, s in columns]
    precision = [sk.average_precision_score(t, s) if t.any() else np.nan for t, s in columns]
    support = np.array([t.sum() for t, _ in columns])

    def averages(each, measure):
        defined = ~np.isnan(each)
        weights = support * defined
        weighted = np.average(np.where(defined, each, 0), weights=weights) if weights.any() else np.nan
        return {
            "per_column": each,
            "micro": measure(positive[keep], scores[keep]),
            "macro": mean_defined(each),
            "weighted": weighted,
        }

    case = {
        "name": name,
        "kind": kind,
        "columns": scores.shape[1],
        "scores": scores,
        **inputs,
        "auroc": averages(auroc, sk.roc_auc_score),
        "average_precision": averages(precision, sk.average_precision_score),
    }
    if keep.all() and scores.shape[1] > 1 and not np.isnan(auroc).any():
        for average in AVERAGES:
            expected = sk.roc_auc_score(positive, scores, average=average)
            assert np.isclose(case["auroc"][average], expected, rtol=1e-13)
            expected = sk.average_precision_score(positive, scores, average=average)
            assert np.isclose(case["average_precision"][average], expected, rtol=1e-13)
    return case


def ranking_classes(name, scores, targets, ignore_index):
    keep = np.repeat((targets != ignore_index)[:, None], scores.shape[1], axis=1)
    positive = targets[:, None] == np.arange(scores.shape[1])
    inputs = {"targets": targets, "ignore_index": ignore_index}
    return ranking(name, "classes", scores, positive, keep, inputs)


def ranking_labels(name, scores, positive, ignore):
    keep = np.ones_like(positive) if ignore is None else ~ignore
    return ranking(name, "labels", scores, positive, keep, {"positive": positive, "ignore": ignore})


def ranking_cases():
    scores = random.integers(0, 8, (80, 1)) / 7
    yield ranking_labels("binary_ties", scores, random.random((80, 1)) < 0.3, None)
    targets = random.integers(0, 4, 70)
    scores = softmax(random.normal(0, 1, (70, 4)) + 1.5 * np.eye(4)[targets], axis=1)
    for average in ("macro", "weighted"):
        ovr = sk.roc_auc_score(targets, scores, multi_class="ovr", average=average)
        case = ranking_classes("classes", scores, targets, None)
        assert np.isclose(case["auroc"][average], ovr, rtol=1e-13)
    yield case
    targets = random.choice([0, 1, 3, -100], 60)
    yield ranking_classes("class_absent", random.integers(-6, 6, (60, 4)) / 2, targets, -100)
    yield ranking_labels("labels", random.random((40, 3)), random.random((40, 3)) < 0.4, None)
    positive = random.random((40, 4)) < 0.5
    positive[:, 1], positive[:, 2] = False, True
    ignore = random.random((40, 4)) < 0.2
    yield ranking_labels("labels_one_sided", random.integers(0, 10, (40, 4)) * 1e3 - 5e3, positive, ignore)


# Probabilities


def reliability(confidence, right, bins, ece, mce):
    edges = np.arange(bins + 1) / bins
    count, _ = np.histogram(confidence, edges)
    mean = lambda values: np.histogram(confidence, edges, weights=values)[0] / count
    return {
        "bins": bins,
        "expected_calibration_error": ece,
        "maximum_calibration_error": mce,
        "count": count,
        "mean_confidence": mean(confidence),
        "accuracy": mean(right.astype(float)),
    }


def probability_classes(name, logits, probabilities, targets, ignore_index):
    keep = targets != ignore_index
    classes = logits.shape[1]
    z, p, t = logits[keep], probabilities[keep], targets[keep]
    rows = np.arange(len(t))

    def calibration(bins):
        tensors = torch.tensor(probabilities), torch.tensor(targets)
        options = {"num_classes": classes, "n_bins": bins, "ignore_index": ignore_index}
        confidence, right = p.max(axis=1), p.argmax(axis=1) == t
        # The function for classes works in single precision; the one it rests on in that of its numbers.
        top = torch.tensor(confidence), torch.tensor(right)
        errors = [float(_ce_compute(*top, bins, norm)) for norm in NORMS]
        single = [float(tm.multiclass_calibration_error(*tensors, norm=norm, **options)) for norm in NORMS]
        assert np.allclose(errors, single, rtol=1e-5)
        return reliability(confidence, right, bins, *errors)

    return {
        "name": name,
        "columns": classes,
        "logits": logits,
        "probabilities": probabilities,
        "targets": targets,
        "ignore_index": ignore_index,
        "log_loss": sk.log_loss(t, p, labels=range(classes)),
        "log_loss_single": sk.log_loss(t, p.astype(np.float32), labels=range(classes)),
        "log_loss_from_logits": -log_softmax(z, axis=1)[rows, t].mean(),
        "brier": sk.brier_score_loss(t, p, labels=range(classes), scale_by_half=False),
        # torchmetrics gives a confidence of exactly 1 a bin of its own.
        "reliability": [] if (p == 1).any() else [calibration(bins) for bins in (15, 10)],
    }


def probability_labels(name, logits, probabilities, positive, ignore):
    keep = np.ones_like(positive) if ignore is None else ~ignore
    z, p, t = logits[keep], probabilities[keep], positive[keep]

    def calibration(bins):
        tensors = torch.tensor(p), torch.tensor(t.astype(int))
        errors = [float(tm.binary_calibration_error(*tensors, n_bins=bins, norm=norm)) for norm in NORMS]
        return reliability(p, t, bins, *errors)

    return {
        "name": name,
        "columns": logits.shape[1],
        "logits": logits,
        "probabilities": probabilities,
        "positive": positive,
        "ignore": ignore,
        "log_loss": sk.log_loss(t, p),
        "log_loss_single": sk.log_loss(t, p.astype(np.float32)),
        "log_loss_from_logits": np.logaddexp(0, np.where(t, -z, z)).mean(),
        "brier": sk.brier_score_loss(t, p),
        "reliability": [] if (p == 1).any() else [calibration(bins) for bins in (15, 7)],
    }


def probability_classes_cases():
    logits, targets = random.normal(0, 2, (70, 4)), random.integers(0, 4, 70)
    targets[random.random(70) < 0.2] = -100
    yield probability_classes("ignored", logits, softmax(logits, axis=1), targets, -100)
    # A softmax of these is 0 and 1 exactly; class 2 is no target.
    logits = random.uniform(-1e4, 1e4, (30, 3))
    yield probability_classes("large", logits, softmax(logits, axis=1), random.integers(0, 2, 30), None)
    logits = random.normal(0, 3, (50, 2))
    yield probability_classes("two", logits, softmax(logits, axis=1), random.integers(0, 2, 50), None)


def probability_labels_cases():
    logits = random.normal(0, 2, (60, 1))
    yield probability_labels("binary", logits, expit(logits), random.random((60, 1)) < 0.4, None)
    logits, ignore = random.normal(0, 2, (30, 3)), random.random((30, 3)) < 0.25
    yield probability_labels("ignored", logits, expit(logits), random.random((30, 3)) < 0.4, ignore)
    logits = random.uniform(-1e4, 1e4, (20, 2))
    yield probability_labels("large", logits, expit(logits), random.random((20, 2)) < 0.5, None)


# Numbers


def regression(name, predictions, targets, single):
    raw = {"multioutput": "raw_values"}
    constant = (targets == targets[0]).all(axis=0)
    r2 = np.where(constant, np.nan, sk.r2_score(targets, predictions, **raw))
    outputs = {
        "mae": sk.mean_absolute_error(targets, predictions, **raw),
        "mse": sk.mean_squared_error(targets, predictions, **raw),
        "rmse": sk.root_mean_squared_error(targets, predictions, **raw),
        "r2": r2,
    }
    assert np.isclose(outputs["rmse"].mean(), sk.root_mean_squared_error(targets, predictions))
    return {
        "name": name,
        "single": single,
        "outputs": targets.shape[1],
        "predictions": predictions,
        "targets": targets,
        "per_output": outputs,
        "mean": {measure: mean_defined(values) for measure, values in outputs.items()},
    }


def regression_cases():
    targets = random.uniform(0, 5, (50, 1))
    yield regression("one", targets + random.normal(0, 0.8, (50, 1)), targets, True)
    targets = random.normal(0, [1, 100, 0.01], (40, 3))
    targets[:, 1] = 0.1
    yield regression("constant_output", targets + random.normal(0, [0.5, 50, 0.02], (40, 3)), targets, True)
    targets = 1e6 + random.normal(0, 1, (40, 2))
    yield regression("far_from_zero", targets + random.normal(0, 0.1, (40, 2)), targets, False)


def correlation(name, predictions, targets, single):
    return {
        "name": name,
        "single": single,
        "predictions": predictions,
        "targets": targets,
        "pearson": pearsonr(predictions, targets).statistic,
        "spearman": spearmanr(predictions, targets).statistic,
    }


def correlation_cases():
    targets = random.uniform(0, 5, 60)
    yield correlation("grades", targets + random.normal(0, 1, 60), np.round(targets * 2) / 2, True)
    few = lambda levels: random.integers(0, levels, 50).astype(float)
    yield correlation("ties", few(5), few(3), True)
    yield correlation("opposite", -targets * 1e-30, np.exp(targets), True)
    yield correlation("far_from_zero", 1e6 + random.normal(0, 1, 40), 1e6 + random.normal(0, 1, 40), False)
    yield correlation("constant", np.full(10, 0.1), random.normal(0, 1, 10), True)


# Calibration

BOUNDS = (1e-2, 1e2)


def best_temperature(slope, loss):
    """The root of the slope of the loss by 1/T, or the bound that it points to."""
    low, high = slope(BOUNDS[0]), slope(BOUNDS[1])
    if low >= 0:
        return 1 / BOUNDS[0]
    if high <= 0:
        return 1 / BOUNDS[1]
    temperature = 1 / brentq(slope, *BOUNDS, xtol=1e-18, rtol=1e-15, maxiter=1000)
    log_loss = lambda log_scale: loss(np.exp(log_scale))
    by_loss = minimize_scalar(log_loss, bounds=np.log(BOUNDS), method="bounded")
    assert abs(np.log(temperature) + by_loss.x) < 1e-4
    return temperature


def temperature_classes(name, logits, targets, ignore_index):
    keep = targets != ignore_index
    z, t = logits[keep], targets[keep]
    z = z - z.max(axis=1, keepdims=True)
    rows = np.arange(len(t))
    slope = lambda scale: ((softmax(scale * z, axis=1) * z).sum(axis=1) - z[rows, t]).mean()
    loss = lambda scale: -log_softmax(scale * z, axis=1)[rows, t].mean()
    return {
        "name": name,
        "columns": logits.shape[1],
        "logits": logits,
        "targets": targets,
        "ignore_index": ignore_index,
        "temperatures": [best_temperature(slope, loss)],
    }


def temperature_labels(name, logits, positive, ignore):
    keep = np.ones_like(positive) if ignore is None else ~ignore

    def column(j):
        z, t = logits[keep[:, j], j], positive[keep[:, j], j]
        slope = lambda scale: ((expit(scale * z) - t) * z).mean()
        loss = lambda scale: np.logaddexp(0, scale * np.where(t, -z, z)).mean()
        return best_temperature(slope, loss)

    return {
        "name": name,
        "columns": logits.shape[1],
        "logits": logits,
        "positive": positive,
        "ignore": ignore,
        "temperatures": [column(j) for j in range(logits.shape[1])],
    }


def sampled(probabilities):
    return np.array([random.choice(len(row), p=row) for row in probabilities])


def temperature_classes_cases():
    logits = random.normal(0, 1.5, (90, 4))
    targets = sampled(softmax(logits, axis=1))
    targets[random.random(90) < 0.1] = -100
    yield temperature_classes("too_sure", 3.7 * logits, targets, -100)
    yield temperature_classes("unsure", 0.05 * logits, targets, -100)
    # As wide as logits come, and a temperature within the bounds: a few wrong rows are nearly level.
    logits = random.choice([-1e4, 1e4], (60, 3)) + random.uniform(-40, 40, (60, 3))
    yield temperature_classes("large", logits, sampled(softmax(logits / 30, axis=1)), None)
    targets = np.array([0, 1] * 10)
    yield temperature_classes("against", random.normal(0, 1, (20, 3)) - 9 * np.eye(3)[targets], targets, None)


def temperature_labels_cases():
    logits = random.normal(0, [1, 2, 0.2], (90, 3))
    positive = random.random((90, 3)) < expit(logits * [0.3, 1, 9])
    yield temperature_labels("labels", logits, positive, None)
    yield temperature_labels("ignored", logits, positive, random.random((90, 3)) < 0.3)


def thresholds(name, scores, positive):
    best = lambda aim: [best_threshold(*column, aim) for column in zip(scores.T, positive.T)]
    aims = [
        *({"max_f": {"beta": beta}} for beta in BETAS),
        *({"min_precision": {"precision": precision}} for precision in (0.5, 0.6)),
        *({"min_recall": {"recall": recall}} for recall in (0.5, 0.9, 1.0)),
    ]
    return {
        "name": name,
        "columns": scores.shape[1],
        "scores": scores,
        "positive": positive,
        "aims": [{"aim": aim, "values": best(aim)} for aim in aims],
    }


def best_threshold(scores, positive, aim):
    """NaN where no threshold will do."""
    precision, recall, distinct = sk.precision_recall_curve(positive, scores)
    precision, recall, distinct = precision[:-1][::-1], recall[:-1][::-1], distinct[::-1]
    (kind, parameters), = aim.items()
    (level,) = parameters.values()
    if kind == "max_f":
        merit = [(sk.fbeta_score(positive, scores >= s, beta=level), 0) for s in distinct]
    elif kind == "min_precision":
        merit = [(r, p) if p >= level else (-1, -1) for p, r in zip(precision, recall)]
    else:
        merit = [(p, r) if r >= level else (-1, -1) for p, r in zip(precision, recall)]
    # Equal up to rounding is equal, and then the first, which is the highest threshold.
    best = max(range(len(merit)), key=lambda i: (*np.round(merit[i], 12), -i))
    if merit[best][0] < 0:
        return np.nan
    if best + 1 == len(distinct):
        return distinct[best]
    midway = float(np.float32((distinct[best] + distinct[best + 1]) / 2))
    return midway if distinct[best + 1] < midway <= distinct[best] else distinct[best]


def thresholds_cases():
    positive = random.random((60, 3)) < [0.3, 0.5, 0.7]
    yield thresholds("distinct", random.normal(0, 1, (60, 3)) + positive, positive)
    yield thresholds("ties", np.round(random.normal(0, 2, (60, 3)) + 2 * positive) / 4, positive)
    yield thresholds("large", random.uniform(-1e4, 1e4, (40, 1)), random.random((40, 1)) < 0.2)


if __name__ == "__main__":
    write("confusion", list(confusion_cases()))
    write("labels", list(labels_cases()))
    write("top_k", list(top_k_cases()))
    write("ranking", list(ranking_cases()))
    write("probability_classes", list(probability_classes_cases()))
    write("probability_labels", list(probability_labels_cases()))
    write("regression", list(regression_cases()))
    write("correlation", list(correlation_cases()))
    write("temperature_classes", list(temperature_classes_cases()))
    write("temperature_labels", list(temperature_labels_cases()))
    write("thresholds", list(thresholds_cases()))
