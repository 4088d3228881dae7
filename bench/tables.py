#!/usr/bin/env python3
"""Logit and scikit-learn on the same real tables, the same test rows; prints a table in Markdown.

    python3 bench/tables.py --logit target/release/logit --data ../shared/data --out bench/TABLES.md

Needs scikit-learn and pandas. Logit splits each table and writes down its test rows; scikit-learn's multilayer perceptron of
the same width, with standardised numbers and one-hot categories, learns from all others. Thresholds are fitted on a part of
the training rows on both sides.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile
import time

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.metrics import accuracy_score, f1_score, r2_score, recall_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HIDDEN = (256, 128)


def arff(path):
    names, rows = [], []
    for line in path.read_text().splitlines():
        word = line.split(maxsplit=2)
        if word and word[0].lower() == "@attribute":
            names.append(word[1].strip("'"))
        elif line and not line.startswith(("@", "%")):
            rows.append(line.split(","))
    return pd.DataFrame(rows, columns=names).astype(float)


def read(path):
    return arff(path) if path.suffix == ".arff" else pd.read_csv(path)


def prepared(features):
    numbers = features.select_dtypes("number").columns
    others = features.columns.difference(numbers)
    return make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), others),
    )


def thresholds(probabilities, truth):
    """The thresholds with the highest F1 of all labels together: each label's best for the F1 so far, until it no longer rises."""
    reached = 0.0
    while True:
        best = []
        for p, t in zip(probabilities.T, truth.T):
            merits = {step: 2 * (t[p >= step] == 1).sum() - reached * (p >= step).sum() for step in np.unique(p)}
            step = max(merits, key=merits.get)
            best.append(step if merits[step] > 0 else np.nextafter(p.max(), 2))
        f1 = f1_score(truth, probabilities >= np.array(best), average="micro")
        if f1 <= reached:
            return np.array(best)
        reached = f1


def peer(case, frame, test):
    """scikit-learn's figures for a case."""
    targets, metrics = case["targets"], case["metrics"]
    features = frame.drop(columns=targets)
    rest = ~test
    wanted = frame[targets] if len(targets) > 1 else frame[targets[0]]
    if case["kind"] == "values":
        model = MLPRegressor(hidden_layer_sizes=HIDDEN, random_state=1, early_stopping=True, max_iter=200)
        scale = StandardScaler().fit(wanted[rest].to_frame())
        model = make_pipeline(prepared(features), model)
        model.fit(features[rest], scale.transform(wanted[rest].to_frame()).ravel())
        predicted = scale.inverse_transform(model.predict(features[test]).reshape(-1, 1)).ravel()
        return {"r2": r2_score(wanted[test], predicted)}
    model = make_pipeline(prepared(features), MLPClassifier(hidden_layer_sizes=HIDDEN, random_state=1, early_stopping=len(frame) > 1000, max_iter=300))
    if case["kind"] == "classes":
        model.fit(features[rest], wanted[rest])
        predicted = model.predict(features[test])
        all_of = {
            "accuracy": accuracy_score(wanted[test], predicted),
            "macro_recall": recall_score(wanted[test], predicted, average="macro", zero_division=0),
        }
        return {metric: all_of[metric] for metric in metrics}
    fit, held = train_test_split(np.flatnonzero(rest), test_size=0.15, random_state=1)
    model.fit(features.iloc[fit], wanted.iloc[fit])
    cut = thresholds(model.predict_proba(features.iloc[held]), wanted.iloc[held].to_numpy())
    decided = model.predict_proba(features[test]) >= cut
    return {"micro_f1": f1_score(wanted[test], decided, average="micro")}


def ours(logit, case, path, run):
    """Logit's figures, and the test rows."""
    command = [logit, "train", str(path), "--targets", ",".join(case["targets"]), "--out", str(run), "--json"]
    command += case.get("options", [])
    begun = time.perf_counter()
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    seconds = time.perf_counter() - begun
    return {metric: told[metric] for metric in case["metrics"]}, seconds


def cases(data):
    tabular, labels = data / "tabular", data / "multilabel"
    yeast = pd.read_csv(labels / "yeast.csv", nrows=1).columns[-14:].tolist()
    emotions = arff(labels / "emotions-train.arff").columns[-6:].tolist()
    shuttle = {"path": tabular / "Shuttle.csv", "kind": "classes", "targets": ["Class"], "metrics": ["accuracy", "macro_recall"]}
    return {
        "letters": {"path": tabular / "LetterRecognition.csv", "kind": "classes", "targets": ["lettr"], "metrics": ["accuracy"]},
        "penguins": {"path": tabular / "penguins.csv", "kind": "classes", "targets": ["species"], "metrics": ["accuracy"]},
        "yeast": {"path": labels / "yeast.csv", "kind": "labels", "targets": yeast, "metrics": ["micro_f1"]},
        "emotions": {
            "path": labels / "emotions-train.arff", "kind": "labels", "targets": emotions, "metrics": ["micro_f1"],
            "test": labels / "emotions-test.arff", "options": ["--test", str(labels / "emotions-test.arff")],
        },
        "california": {
            "path": tabular / "california_housing.csv.gz", "kind": "values", "targets": ["median_house_value"], "metrics": ["r2"],
        },
        "shuttle": shuttle,
        "shuttle, weights": {**shuttle, "options": ["--weights", "balanced"], "alone": True},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logit", required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--only", nargs="*")
    args = parser.parse_args()
    lines = ["| table | metric | Logit | scikit-learn | seconds, Logit |", "|---|---|---|---|---|"]
    for name, case in cases(args.data).items():
        if args.only and name not in args.only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            run = pathlib.Path(folder) / "run"
            mine, seconds = ours(args.logit, case, case["path"], run)
            frame = read(case["path"])
            if "test" in case:
                held = read(case["test"])
                test = np.r_[np.zeros(len(frame), bool), np.ones(len(held), bool)]
                frame = pd.concat([frame, held], ignore_index=True)
            else:
                test = np.zeros(len(frame), bool)
                test[np.loadtxt(run / "test_rows.txt", dtype=int, ndmin=1) - 1] = True
        theirs = {} if case.get("alone") else peer(case, frame, test)
        for metric in case["metrics"]:
            told = f"{theirs[metric]:.4f}" if metric in theirs else "–"
            lines.append(f"| {name} | {metric} | {mine[metric]:.4f} | {told} | {seconds:.0f} |")
            print(lines[-1], flush=True)
    if args.out:
        args.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
