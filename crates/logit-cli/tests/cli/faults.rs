//! Damaged files, full disks, folders that cannot be written, numbers that are not finite: exit code 1, and the reason.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use logit_zoo::run::Checkpoint;

use crate::common::{Scratch, assert_no_part, json, refused, set, stderr};

fn step(scratch: &Scratch, checkpoint: &str) -> u64 {
    let checkpoint = Checkpoint::load(&scratch.path(checkpoint)).unwrap();
    assert_eq!(checkpoint.not_finite(), None);
    checkpoint.place["step"].as_u64().unwrap()
}

#[test]
fn a_damaged_checkpoint_is_named() {
    let scratch = Scratch::new();
    scratch.trained("run");
    for (file, args) in [("last", ["train", "--resume", "run"].as_slice()), ("best", &["eval", "run"])] {
        let file = format!("run/{file}.safetensors");
        let whole = fs::read(scratch.path(&file)).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() - 100] ^= 1;
        for damaged in [&flipped[..], &whole[..whole.len() - 1], &whole[..100], b"nonsense", b""] {
            scratch.write(&file, damaged);
            refused(scratch.logit(args), 1, &[&format!("{file} is damaged")]);
        }
        scratch.write(&file, whole);
    }
}

#[test]
fn a_damaged_optimiser_state_is_named() {
    let scratch = Scratch::new();
    scratch.trained("run");
    let path = scratch.path("run/last.safetensors");
    let mut checkpoint = Checkpoint::load(&path).unwrap();
    for state in [vec![], vec![0xFF; 9], checkpoint.optimizer[..200].to_vec()] {
        checkpoint.optimizer = state;
        checkpoint.save(&path).unwrap();
        refused(scratch.logit(&["train", "--resume", "run"]), 1, &["run/last.safetensors"]);
    }
}

#[test]
fn the_checkpoint_of_another_network_is_named() {
    let scratch = Scratch::new();
    scratch.trained("run");
    scratch.logit(&["train", "digits-mlp", "--epochs", "1", "--out", "other"]).success();
    fs::copy(scratch.path("other/best.safetensors"), scratch.path("run/best.safetensors")).unwrap();
    refused(scratch.logit(&["eval", "run"]), 1, &["run/best.safetensors", "`model.kind` is now \"linear\""]);
    scratch.unbind("run");
    refused(scratch.logit(&["eval", "run"]), 1, &["run/best.safetensors", "does not fit"]);
}

#[test]
fn a_damaged_recipe_of_a_run_is_named() {
    let scratch = Scratch::new();
    scratch.trained("run");
    let whole = scratch.text("run/recipe.toml");
    for (old, new, part) in [
        ("epochs = 1", "epochs = 0", "`train.epochs` is 0"),
        ("epochs", "epoch", "epoch"),
        ("[train]", "[", "line"),
    ] {
        scratch.edit("run/recipe.toml", old, new);
        for args in
            [["train", "--resume", "run"].as_slice(), &["eval", "run"], &["predict", "run", "any.png"]]
        {
            refused(scratch.logit(args), 1, &["run/recipe.toml", part]);
        }
        scratch.write("run/recipe.toml", &whole);
    }
    fs::remove_file(scratch.path("run/recipe.toml")).unwrap();
    refused(scratch.logit(&["eval", "run"]), 1, &["run/recipe.toml", "No such file"]);
}

#[test]
fn a_recipe_changed_under_a_checkpoint_is_told() {
    let scratch = Scratch::new();
    scratch.logit(&["train", "digits-linear", "--epochs", "3", "--out", "run"]).success();
    scratch.edit("run/recipe.toml", "batch_size = 128", "batch_size = 500");
    let parts = ["run/last.safetensors", "recipe.toml", "`train.batch_size` is now 500, and was 128"];
    refused(scratch.logit(&["train", "--resume", "run"]), 1, &parts);
}

#[test]
fn a_damaged_description_of_a_run_is_named() {
    let scratch = Scratch::new();
    scratch.trained("run");
    scratch.write("run/run.json", "{");
    refused(scratch.logit(&["train", "--resume", "run"]), 1, &["run/run.json is damaged"]);
    refused(scratch.logit(&["eval", "run"]), 1, &["run/run.json is damaged"]);
}

#[test]
fn damaged_metrics_are_told_and_cost_nothing_but_the_curves() {
    let scratch = Scratch::new();
    let trained = json(&scratch.trained("run"));
    scratch.logit(&["train", "digits-linear", "--epochs", "1", "--seed", "3", "--out", "other"]).success();
    let whole = scratch.text("run/metrics.jsonl");
    let zeros = whole.replacen("\"event\":\"step\",\"step\":5", &"\0".repeat(24), 1);
    let cases = [
        (Some(whole.replace("\"step\":7,", "\"step\":x,")), "line 7 is no record"),
        (Some(zeros), "line 5 is no record"),
        (Some(whole.replacen("\"loss\":2", "\"loss\":1", 1)), "not what was written"),
        (Some(scratch.text("other/metrics.jsonl")), "run/metrics.jsonl is damaged: "),
        (Some(whole[..whole.len() / 2].to_owned()), "bytes, but the checkpoint was taken at"),
        (None, "it has 0 bytes"),
    ];
    let last = fs::read(scratch.path("run/last.safetensors")).unwrap();
    for (content, told) in cases {
        fs::remove_file(scratch.path("run/metrics.jsonl")).unwrap();
        if let Some(content) = &content {
            scratch.write("run/metrics.jsonl", content);
        }
        assert_ne!(content, Some(whole.clone()), "{told}");
        let resumed = scratch.logit(&["train", "--resume", "run", "--json"]).success();
        assert_eq!(json(&resumed), trained, "{told}");
        let said = stderr(&resumed);
        assert!(
            said.contains("warning[metrics-damaged]: run/metrics.jsonl") && said.contains(told),
            "{said}"
        );
        // Where they end is where training ended, and nothing is told of them anew.
        fs::remove_file(scratch.path("run/findings.json")).unwrap();
        let again = scratch.logit(&["train", "--resume", "run", "--json"]).success();
        assert!(!stderr(&again).contains("metrics-damaged"), "{}", stderr(&again));
        scratch.write("run/last.safetensors", &last);
    }
}

#[test]
fn best_weights_in_place_of_the_checkpoint_are_told() {
    let scratch = Scratch::new();
    scratch.trained("run");
    fs::copy(scratch.path("run/best.safetensors"), scratch.path("run/last.safetensors")).unwrap();
    let told = ["run/last.safetensors is damaged: it holds weights alone", "no place in training"];
    refused(scratch.logit(&["train", "--resume", "run"]), 1, &told);
}

#[test]
fn best_weights_that_the_checkpoint_does_not_know_are_refused() {
    let scratch = Scratch::new();
    let run = scratch.best_before_the_end();
    let [best, last] = ["best", "last"].map(|name| scratch.path(&format!("{run}/{name}.safetensors")));
    let whole = fs::read(&best).unwrap();
    // Whole in themselves, and of the same run and recipe: its last ones.
    let foreign = Checkpoint::load(&last).unwrap().weights_alone();
    foreign.save(&best).unwrap();
    let told = [&format!("{run}/best.safetensors is not the file that"), "last.safetensors", "put it back"];
    for _ in 0..2 {
        refused(scratch.logit(&["train", "--resume", &run]), 1, &told);
    }
    // A calibration that belongs to them does not make them the run's.

    scratch.logit(&["train", "digits-linear", "--epochs", "1", "--out", "shorter"]).success();
    scratch.logit(&["train", "digits-linear", "--epochs", "2", "--out", "longer"]).success();
    for name in ["best.safetensors", "calibration.json"] {
        fs::copy(scratch.path(&format!("longer/{name}")), scratch.path(&format!("shorter/{name}"))).unwrap();
    }
    let of_shorter = ["shorter/best.safetensors is not the file that", "shorter/last.safetensors"];
    refused(scratch.logit(&["eval", "shorter"]), 1, &of_shorter);
    // Nor where nothing else binds them.
    for name in ["calibration.json", "metrics.jsonl"] {
        fs::remove_file(scratch.path(&format!("{run}/{name}"))).unwrap();
    }
    refused(scratch.logit(&["eval", &run]), 1, &told);
    refused(scratch.logit(&["predict", &run, "one.png"]), 1, &told);
    fs::write(&best, whole).unwrap();
    scratch.logit(&["train", "--resume", &run]).success();
}

#[test]
fn best_weights_that_the_checkpoint_holds_are_made_again() {
    let scratch = Scratch::new();
    scratch.trained("run");
    let path = scratch.path("run/best.safetensors");
    let (whole, judged) =
        (fs::read(&path).unwrap(), json(&scratch.logit(&["eval", "run", "--json"]).success()));
    for damaged in [None, Some(&whole[..100])] {
        fs::remove_file(&path).unwrap();
        if let Some(damaged) = damaged {
            fs::write(&path, damaged).unwrap();
        }
        refused(scratch.logit(&["eval", "run"]), 1, &["run/best.safetensors"]);
        scratch.logit(&["train", "--resume", "run"]).success();
        assert!(fs::read(&path).unwrap() == whole);
        assert_eq!(json(&scratch.logit(&["eval", "run", "--json"]).success()), judged);
    }
}

#[test]
fn a_calibration_without_its_sums_is_refused() {
    let scratch = Scratch::new();
    scratch.trained("run");
    let whole = scratch.text("run/calibration.json");
    for text in [
        "{}",
        "[]",
        "{\"temperature\":null}",
        "{\"temperature\":3.0}",
        "{\"temperature\":-1}",
        "{\"temperature\":0}",
        "{\"thresholds\":[0.5]}",
        "null",
    ] {
        scratch.write("run/calibration.json", text);
        let told = ["run/calibration.json is damaged"];
        refused(scratch.logit(&["eval", "run", "--json"]), 1, &told);
        refused(scratch.logit(&["predict", "run", "absent.png"]), 1, &["error"]);
        scratch.logit(&["train", "--resume", "run"]).success();
        assert_eq!(scratch.text("run/calibration.json"), whole);
    }
    scratch.unbind("run");
    for text in ["{\"temperature\":-1}", "{\"temperature\":0}"] {
        scratch.write("run/calibration.json", text);
        let told = ["run/calibration.json is damaged: its temperature is not above 0"];
        refused(scratch.logit(&["eval", "run"]), 1, &told);
    }
}

#[test]
fn a_network_too_large_is_refused_before_anything_is_made() {
    let scratch = Scratch::new();
    for settings in [["model.hidden=[100000,100000]"], ["model.hidden=[30000,30000,30000]"]] {
        let args = [&["train", "digits-mlp", "--out", "run"][..], &set(&settings)].concat();
        refused(scratch.logit(&args), 2, &["the network would have ", " parameters, and at most 268435456"]);
        assert!(!scratch.path("run").exists());
    }
}

#[test]
fn a_data_folder_without_the_files_is_named_with_what_was_looked_for() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("photos")).unwrap();
    let train =
        |data: &str, out: &str| scratch.logit(&["train", "digits-linear", "--data", data, "--out", out]);
    let parts = ["photos holds no training images", "train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"];
    refused(train("photos", "a"), 1, &parts);
    refused(train("nowhere", "b"), 1, &["nowhere is not a folder"]);
    scratch.write("photos/train-images-idx3-ubyte", "not an IDX file");
    scratch.write("photos/train-labels-idx1-ubyte", "not an IDX file");
    refused(train("photos", "c"), 1, &["photos/train-images-idx3-ubyte is no IDX file"]);
    scratch.trained("run");
    refused(scratch.logit(&["eval", "run", "--data", "nowhere"]), 1, &["nowhere is not a folder"]);
    refused(scratch.logit(&["study", "activations", "--data", "nowhere"]), 1, &["nowhere is not a folder"]);
}

#[test]
fn a_run_below_a_file_cannot_be_made() {
    let scratch = Scratch::new();
    scratch.write("file", "");
    let args = ["train", "digits-linear", "--epochs", "1", "--out", "file/run"];
    refused(scratch.logit(&args), 1, &["cannot make the folder file/run"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_is_named() {
    // The system keeps it for itself, whoever asks.
    let args = ["train", "digits-linear", "--epochs", "1", "--out", "/sys/run"];
    refused(
        Scratch::new().logit(&args),
        1,
        &["/sys/run", "choose a folder that can be written, with `--out`"],
    );
}

#[test]
fn a_number_that_is_not_finite_names_step_and_value_and_keeps_the_checkpoint() {
    let scratch = Scratch::new();
    // Each update multiplies the weights by about −1000.
    let settings = [
        "train.optimizer=sgd",
        "train.learning_rate=1",
        "train.weight_decay=1000",
        "train.checkpoint_every=5",
    ];
    let args = [&["train", "digits-linear", "--epochs", "2", "--out", "run"][..], &set(&settings)].concat();
    refused(
        scratch.logit(&args),
        1,
        &["step 15: the loss is ", "of step 10", "kept in run", "learning_rate"],
    );
    assert_eq!(step(&scratch, "run/last.safetensors"), 10);
}

#[test]
fn weights_that_overflow_are_never_saved() {
    let scratch = Scratch::new();
    // The second update overflows the largest weights, while loss and gradient are finite.
    let settings = [
        "train.optimizer=sgd",
        "train.learning_rate=1",
        "train.weight_decay=1e20",
        "train.checkpoint_every=1",
    ];
    let args = [&["train", "digits-linear", "--epochs", "2", "--out", "run"][..], &set(&settings)].concat();
    refused(scratch.logit(&args), 1, &["step 2: a weight of `head.weight` is", "inf", "of step 1"]);
    assert_eq!(step(&scratch, "run/last.safetensors"), 1);
}

#[test]
fn inputs_that_overflow_are_told_at_the_first_step() {
    let scratch = Scratch::new();
    let args = ["train", "digits", "--epochs", "1", "--set", "data.deviation=1e-37", "--out", "run"];
    refused(scratch.logit(&args), 1, &["step 1: ", "odd inputs"]);
    assert!(!scratch.path("run/last.safetensors").exists());
}

#[test]
fn logits_that_are_not_finite_are_not_predicted_from() {
    let scratch = Scratch::new();
    scratch.trained("run");
    scratch.edit("run/recipe.toml", "deviation = 0.3081", "deviation = 1e-39");
    let told = ["run/best.safetensors", "`data.deviation` is", "and was 0.3081", "put back"];
    refused(scratch.logit(&["predict", "run", "one.png"]), 1, &told);
    refused(scratch.logit(&["eval", "run"]), 1, &told);
    scratch.unbind("run");
    fs::remove_file(scratch.path("run/calibration.json")).unwrap();
    let picture = image::GrayImage::from_fn(28, 28, |x, _| image::Luma([if x == 14 { 255 } else { 0 }]));
    picture.save(scratch.path("one.png")).unwrap();
    refused(scratch.logit(&["predict", "run", "one.png"]), 1, &["one.png: the logit of class 0 is"]);
    refused(scratch.logit(&["eval", "run"]), 1, &["the evaluation"]);
}

/// A small file system in memory, taken away in the end.
struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    fn mount(path: PathBuf, kibibytes: u32) -> Self {
        fs::create_dir(&path).unwrap();
        let disk = Self { path };
        assert!(disk.run("mount", &["-t", "tmpfs", "-o", &format!("size={kibibytes}k"), "tmpfs"]));
        disk
    }

    fn enlarge(&self, kibibytes: u32) {
        assert!(self.run("mount", &["-o", &format!("remount,size={kibibytes}k")]));
    }

    fn run(&self, program: &str, args: &[&str]) -> bool {
        Command::new(program).args(args).arg(&self.path).output().is_ok_and(|output| output.status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        self.run("umount", &[]);
    }
}

#[test]
#[ignore = "needs a user who may mount a file system"]
fn on_a_small_disk_that_is_full_what_was_saved_stays() {
    let scratch = Scratch::new();
    // Room for the files of the first epoch, and not for a second checkpoint beside the first.
    let disk = SmallDisk::mount(scratch.path("disk"), 188);
    let args = ["train", "digits-linear", "--epochs", "3", "--set", "watch.every=0", "--out"];
    refused(
        scratch.logit(&[&args[..], &["disk/run"]].concat()),
        1,
        &["cannot write disk/run/last.safetensors", "space"],
    );
    assert_eq!(step(&scratch, "disk/run/last.safetensors"), 15);
    assert_no_part(&scratch, "disk/run");
    assert_eq!(json(&scratch.logit(&["eval", "disk/run", "--json"]).success())["samples"], 1000);

    disk.enlarge(4096);
    scratch.logit(&["train", "--resume", "disk/run"]).success();
    scratch.logit(&[&args[..], &["undisturbed"]].concat()).success();
    let resumed = scratch.text("disk/run/metrics.jsonl").replace("{\"event\":\"resume\",\"step\":15}\n", "");
    assert_eq!(resumed, scratch.text("undisturbed/metrics.jsonl"));
}
