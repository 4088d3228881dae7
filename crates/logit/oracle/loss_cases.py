"""Which cases each loss is tested on."""

from loss_draws import ALL, ALL_BUT_ONE, SOME, Case

REDUCTIONS = ("mean", "sum", "none")
ROWS, SERIES, IMAGE = [4, 4], [2, 3, 3], [2, 3, 2, 2]
YES_NO_ROWS, YES_NO_IMAGE = [6, 1], [2, 1, 2, 2]
STS = {"low": 0, "high": 5, "steps": 6}
STARS = {"low": 1, "high": 5, "steps": 5}
BINARY_SHAPES = [("labels", SERIES), ("labels", ROWS), ("labels", IMAGE), ("yes_no", YES_NO_ROWS),
                 ("yes_no", YES_NO_IMAGE)]
EXTREMES = ("wide", "large", "equal")
IMPORTANCE = {"importance_weights": [1.0, 0.5, 2.0, 0.75, 1.25]}


def weights(shape):
    return {"weight": [0.5, 2.0, 1.25, 0.75][: shape[1]]}


def pos_weights(shape):
    return {"pos_weight": [3.0, 0.25, 1.5, 10.0][: shape[1]]}


def with_reductions(kind, shape, target, options, **drawn):
    return [Case(kind, shape, target, {**options, "reduction": r}, **drawn) for r in REDUCTIONS]


def cross_entropy_cases():
    smooth, z, soft_cap = {"label_smoothing": 0.1}, {"z_loss": 0.01}, {"soft_cap": 5.0}
    cases = [Case("classes", ROWS, "index", {"weight": [0.0, 2.0, 1.0, 0.5]})]
    for shape in (ROWS, SERIES, IMAGE):
        every = weights(shape) | smooth | z | soft_cap
        cases += with_reductions("classes", shape, "index", {})
        cases += with_reductions("classes", shape, "index", every | {"ignore_index": 255}, pattern=SOME)
        cases += with_reductions("classes", shape, "distribution", every)
    cases.append(Case("classes", SERIES, "distribution", {"reduction": "none"}))
    ignore = {"ignore_index": -100}
    cases.append(Case("classes", ROWS, "index", weights(ROWS) | smooth | z | ignore, pattern=ALL_BUT_ONE))
    for shape in (ROWS, IMAGE):
        for index in (-100, 255, 0):
            cases.append(Case("classes", shape, "index", {"ignore_index": index}, pattern=SOME))
    for options in (weights(ROWS), smooth, weights(ROWS) | smooth, z, soft_cap, z | soft_cap):
        cases += [Case("classes", ROWS, target, options) for target in ("index", "distribution")]
    for options in (weights(ROWS), smooth, weights(ROWS) | smooth, z):
        cases.append(Case("classes", ROWS, "index", options | ignore, pattern=SOME))
    for options in ({}, weights(IMAGE) | smooth):
        cases.append(Case("classes", IMAGE, "index", options, pattern="one class"))
        cases += [Case("classes", IMAGE, "index", options | ignore, pattern=p) for p in (ALL_BUT_ONE, ALL)]
    for target in ("index", "distribution"):
        for options in ({}, weights(ROWS) | smooth | z):
            cases += [Case("classes", ROWS, target, options, logits) for logits in EXTREMES]
        cases += [Case("classes", ROWS, target, {"soft_cap": 30.0}, logits) for logits in ("large", "wide")]
    return cases


def binary_cross_entropy_cases():
    smooth = {"label_smoothing": 0.1}
    cases = []
    for kind, shape in BINARY_SHAPES:
        every = weights(shape) | pos_weights(shape) | smooth | {"ignore_index": 255}
        cases += with_reductions(kind, shape, "hard", {})
        cases += with_reductions(kind, shape, "soft", every, pattern=SOME)
    cases += [Case("labels", IMAGE, "hard", options) for options in (weights(IMAGE), pos_weights(IMAGE))]
    for kind, shape in (("labels", ROWS), ("yes_no", YES_NO_IMAGE)):
        weight, pos_weight = weights(shape), pos_weights(shape)
        cases.append(Case(kind, shape, "soft", {}))
        cases += [Case(kind, shape, "hard", options) for options in (weight, pos_weight, smooth)]
        cases.append(Case(kind, shape, "soft", weight | pos_weight | smooth))
    for kind, shape in (("labels", ROWS), ("yes_no", YES_NO_IMAGE)):
        every = weights(shape) | pos_weights(shape) | smooth | {"ignore_index": 255}
        for options, pattern in (({"ignore_index": 255}, SOME), ({"ignore_index": -1}, SOME), (every, ALL_BUT_ONE),
                                 (every, ALL), ({}, "one class")):
            cases.append(Case(kind, shape, "hard", options, pattern=pattern))
        for logits in EXTREMES:
            cases += [Case(kind, shape, "hard", {}, logits), Case(kind, shape, "soft", every, logits, SOME)]
    return cases


def focal_cases():
    cases = []
    for gamma in (0.0, 0.5, 1.0, 2.0, 5.0):
        g = {"gamma": gamma}
        for logits in ("random", "large") if gamma in (0.0, 1.0) else ("random", "wide", "large"):
            cases += [Case("classes", ROWS, "index", g, logits), Case("labels", ROWS, "hard", g, logits)]
        cases.append(Case("classes", IMAGE, "index", g | weights(IMAGE) | {"ignore_index": 255}, pattern=SOME))
        cases.append(Case("labels", IMAGE, "hard", g | {"alpha": 0.25, "ignore_index": 255}, pattern=SOME))
    g = {"gamma": 2.0}
    cases += with_reductions("classes", SERIES, "index", g | weights(SERIES) | {"ignore_index": -100}, pattern=SOME)
    cases += with_reductions("labels", SERIES, "hard", g | {"alpha": 0.25, "ignore_index": 255}, pattern=SOME)
    cases += with_reductions("yes_no", YES_NO_IMAGE, "hard", g | {"alpha": 0.75})
    cases += [Case("classes", ROWS, "index", g | weights(ROWS)), Case("labels", ROWS, "soft", g | {"alpha": 0.25})]
    for pattern in (ALL_BUT_ONE, ALL):
        cases.append(Case("classes", IMAGE, "index", g | weights(IMAGE) | {"ignore_index": 255}, pattern=pattern))
        cases.append(Case("labels", ROWS, "hard", g | {"ignore_index": 255}, pattern=pattern))
    for kind, target in (("classes", "index"), ("labels", "hard")):
        cases += [Case(kind, ROWS, target, g, "equal"), Case(kind, ROWS, target, g, pattern="one class")]
    return cases


def overlap_cases(options):
    """Absent classes, ignored targets and empty samples: what the shape of an overlap loss does not settle."""
    cases = []
    settings = [("classes", "index", IMAGE), ("labels", "hard", IMAGE), ("yes_no", "hard", YES_NO_IMAGE)]
    for kind, target, shape in settings:
        o = options | {"smooth": 0.0}
        cases += [Case(kind, shape, target, o), Case(kind, shape, target, o | {"ignore_index": 255}, pattern=ALL)]
        cases.append(Case(kind, shape, target, o | {"per_sample": True, "ignore_index": 255}, pattern=SOME))
        o = options | {"smooth": 1.0}
        cases += [Case(kind, shape, target, o), Case(kind, shape, target, o | {"per_sample": True})]
        cases.append(Case(kind, shape, target, o | {"ignore_index": 255}, pattern=SOME))
    for kind, target, shape in settings[:2]:
        for extra in ({}, {"include_absent": True}, {"include_absent": True, "per_sample": True}):
            cases.append(Case(kind, shape, target, o | extra, pattern="absent"))
        cases.append(Case(kind, SERIES, target, o))
        cases.append(Case(kind, ROWS, target, o | {"ignore_index": 255}, pattern=ALL_BUT_ONE))
        cases.append(Case(kind, ROWS, target, o, pattern="one class"))
        cases.append(Case(kind, shape, target, o, "large"))
    cases.append(Case("classes", IMAGE, "index", o, "equal"))
    cases.append(Case("classes", IMAGE, "index", o | {"ignore_index": 0}, pattern=SOME))
    cases.append(Case("yes_no", YES_NO_IMAGE, "hard", o | {"per_sample": True}, pattern="empty sample"))
    return cases + [Case("classes", IMAGE, "distribution", o), Case("labels", IMAGE, "soft", o)]


def lovasz_cases():
    cases = []
    for kind, target, shapes in (("classes", "index", (ROWS, SERIES, IMAGE)), ("labels", "hard", (ROWS, SERIES, IMAGE)),
                                 ("yes_no", "hard", (YES_NO_ROWS, YES_NO_IMAGE))):
        shape = shapes[-1]
        cases += [Case(kind, s, target) for s in shapes]
        cases += [Case(kind, shape, target, {"per_sample": True}), Case(kind, shape, target, {}, "large"),
                  Case(kind, shape, target, pattern="one class")]
        for extra in ({}, {"per_sample": True}):
            cases.append(Case(kind, shape, target, {"ignore_index": 255} | extra, pattern=SOME))
        cases += [Case(kind, shape, target, {"ignore_index": 255}, pattern=p) for p in (ALL_BUT_ONE, ALL)]
    cases += [Case("classes", IMAGE, "index", pattern="absent"), Case("labels", IMAGE, "hard", pattern="absent")]
    cases.append(Case("classes", IMAGE, "index", {"ignore_index": 0}, pattern=SOME))
    return cases + [Case("yes_no", YES_NO_IMAGE, "hard", {"per_sample": True}, pattern="empty sample")]


def pointwise_cases(options):
    cases = []
    for shape in ([5, 3], [2, 1, 2, 3]):
        cases += with_reductions("values", shape, "real", options)
        cases += with_reductions("values", shape, "real", options | weights(shape))
        cases.append(Case("values", shape, "real", options, "large"))
    return cases + [Case("values", [5, 3], "real", options, "equal")]


def gaussian_nll_cases():
    cases = []
    for options in ({}, {"full": True}):
        cases += with_reductions("gaussian", [5, 4], "real", options)
        cases += [Case("gaussian", [6, 2], "real", options), Case("gaussian", [5, 4], "real", options, "large")]
    cases.append(Case("gaussian", [5, 4], "real", {"eps": 1e-4, "full": True}))
    return cases + [Case("gaussian", [5, 4], "real", {}, "equal")]


def quantile_cases():
    levels, median = {"levels": [0.1, 0.5, 0.9]}, {"levels": [0.5]}
    cases = with_reductions("quantiles", [5, 6], "real", levels) + with_reductions("quantiles", [5, 3], "real", levels)
    cases += [Case("quantiles", [5, 2], "real", median), Case("quantiles", [5, 6], "real", levels, "large")]
    return cases + [Case("quantiles", [5, 6], "real", levels, "equal")]


def grade_cases(kind, units_less, options=None):
    """Each scale with its reductions, on whole and on fractional grades; `options` beside them on the first scale."""
    cases = []
    for scale in (STS, STARS):
        shape = [5, scale["steps"] - units_less]
        for target in ("whole", "fractional"):
            cases += with_reductions(kind, shape, target, scale)
        cases += [Case(kind, shape, "fractional", scale, logits) for logits in EXTREMES]
    if options:
        cases += with_reductions(kind, [5, STS["steps"] - units_less], "fractional", STS | options)
        cases.append(Case(kind, [5, STS["steps"] - units_less], "whole", STS | options))
    return cases


def minus_pearson_cases():
    return [Case("grades", [samples, scale["steps"]], target, scale, logits)
            for samples, scale in ((8, STS), (5, STARS))
            for target in ("whole", "fractional") for logits in ("random", "wide", "large")]


CASES = {
    "cross_entropy": cross_entropy_cases(),
    "binary_cross_entropy": binary_cross_entropy_cases(),
    "focal": focal_cases(),
    "tversky": overlap_cases({"alpha": 0.25, "beta": 0.75}),
    "dice": overlap_cases({}),
    "jaccard": overlap_cases({}),
    "lovasz": lovasz_cases(),
    "squared": pointwise_cases({}),
    "absolute": pointwise_cases({}),
    "huber": pointwise_cases({"delta": 1.0}) + pointwise_cases({"delta": 0.5})[:8],
    "gaussian_nll": gaussian_nll_cases(),
    "quantile": quantile_cases(),
    "interpolated_kl": grade_cases("grades", 0),
    "minus_pearson": minus_pearson_cases(),
    "coral": grade_cases("coral", 1, IMPORTANCE),
    "corn": grade_cases("corn", 1),
}
