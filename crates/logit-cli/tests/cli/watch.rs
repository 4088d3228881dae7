//! `logit watch` and `logit check`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Output};

use logit_run::telemetry::Truth;
use logit_run::{About, Recording, Subject, Watched};
use logit_spec::{Answer, Loss};
use serde_json::Value;

use crate::common::{Scratch, json, refused, set, stdout};

/// A server, which ends with the test.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    pub(crate) fn of(scratch: &Scratch, runs: &[&str]) -> Self {
        Self::begun(scratch, runs).unwrap()
    }

    /// A server, or how the command ended that was to be one.
    pub(crate) fn begun(scratch: &Scratch, runs: &[&str]) -> Result<Self, Output> {
        let mut child = scratch.start(&[&["watch", "--port", "0"], runs].concat());
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        match line.strip_prefix("http://").and_then(|rest| rest.split('/').next()) {
            Some(address) => Ok(Self { child, address: address.to_owned() }),
            None => Err(child.wait_with_output().unwrap()),
        }
    }

    fn stream(&self, path: &str, host: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        BufReader::new(stream)
    }

    /// Status, head and body of an answer.
    fn get(&self, path: &str, host: &str) -> (u16, String, String) {
        let mut text = String::new();
        self.stream(path, host).read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), body.to_owned())
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        let (status, _, body) = self.get(path, &self.address);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }
}

#[test]
fn a_finished_run_is_served_and_nothing_else() {
    let scratch = Scratch::new();
    scratch.trained("run");
    let server = Server::of(&scratch, &["run"]);
    let (status, head, page) = server.get("/", &server.address);
    assert_eq!(status, 200);
    assert!(
        page.contains("watch.js") && head.contains("content-security-policy: default-src 'self'"),
        "{head}"
    );

    let runs = server.json("/api/runs");
    assert_eq!(runs[0]["state"], "finished");
    assert_eq!(runs[0]["samples"].as_array().unwrap().len(), 8);
    assert_eq!(runs[0]["samples"][0]["input"]["kind"], "picture");
    let series = server.json("/api/runs/0/series");
    assert_eq!(series["steps"]["loss"].as_array().unwrap().len(), 15);
    assert!(series["test"]["accuracy"].as_f64().unwrap() > 0.3);
    let last = series["frames"].as_array().unwrap().last().unwrap().as_u64().unwrap();
    let frame = server.json(&format!("/api/runs/0/frame?step={last}"));
    let sum: f64 =
        frame["samples"][0]["probabilities"].as_array().unwrap().iter().filter_map(Value::as_f64).sum();
    assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    assert_eq!(server.json("/api/runs/0/layers?name=logits")["step"][0], 1);
    assert!(server.json("/api/runs/0/findings").is_array());

    for path in [
        "/api/runs/7/series",
        "/api/runs/0/frame?step=0",
        "/run.json",
        "/../run/run.json",
        "/api/runs/x/series",
    ] {
        let (status, _, body) = server.get(path, &server.address);
        assert!((400..500).contains(&status), "{path}: {status} {body}");
    }
    let (status, _, body) = server.get("/api/runs", "evil.example");
    assert_eq!((status, body.contains("runs")), (403, false));
}

#[test]
fn news_come_as_events() {
    let scratch = Scratch::new();
    scratch.trained("a");
    scratch.trained("b");
    let server = Server::of(&scratch, &["a", "b"]);
    let lines = server.stream("/api/events", &server.address).lines();
    let told: Vec<String> =
        lines.map(Result::unwrap).filter(|line| line.starts_with("data:")).take(2).collect();
    let news: Value = serde_json::from_str(told[1].trim_start_matches("data:")).unwrap();
    assert_eq!((news["id"].as_str(), news["step"].as_u64()), (Some("1"), Some(15)));
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path("empty")).unwrap();
    refused(scratch.logit(&["watch", "empty"]), 1, &["empty"]);
    refused(scratch.logit(&["check", "empty"]), 1, &["empty"]);
    refused(scratch.logit(&["watch"]), 2, &["RUN"]);
    scratch.trained("run");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    refused(scratch.logit(&["watch", "run", "--port", &port]), 1, &[&port, "cannot be listened on"]);
}

#[test]
fn a_right_training_is_told_to_be_fine() {
    let scratch = Scratch::new();
    scratch.trained("run");
    let told = stdout(&scratch.logit(&["check", "run"]).success());
    assert!(told.contains("fine") && told.contains("10 rules on"), "{told}");
    let object = json(&scratch.logit(&["check", "run", "--json"]).success());
    assert_eq!(object["steps"]["verdicts"].as_array().unwrap().len(), 10);
}

#[test]
fn a_training_whose_labels_are_shuffled_apart_is_found() {
    let scratch = Scratch::new();
    // The label has nothing to do with the numbers beside it.
    let mut state = 1_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    };
    let mut table = "a,b,label\n".to_owned();
    for _ in 0..2000 {
        let label = ["x", "y", "z"][random() as usize % 3];
        let numbers = [random() % 1000, random() % 1000].map(|number| number.to_string());
        table += &[numbers[0].as_str(), &numbers[1], label].join(",");
        table.push('\n');
    }
    scratch.write("noise.csv", table);
    let args =
        ["train", "noise.csv", "--target", "label", "--model", "linear", "--epochs", "8", "--out", "run"];
    let steps =
        set(&["train.batch_size=8", "train.patience=0", "train.optimizer=sgd", "train.learning_rate=0.1"]);
    scratch.logit(&[&args[..], &steps].concat()).success();
    let assert = scratch.logit(&["check", "run"]).code(1);
    let told = stdout(&assert);
    assert!(told.contains("seen: at step") && told.contains("warning["), "{told}");
}

/// A recording of another program, whose loss is fed probabilities where it takes logits.
fn foreign(scratch: &Scratch) {
    let subject = Subject { answer: Answer::Classes, units: 2, loss: Loss::CrossEntropy };
    let about = About::of_program("other", "0.3");
    let watched = Watched::of(subject, ["no", "yes"]);
    let mut recording = Recording::create(&scratch.path("run"), &about, &watched).unwrap();
    for step in 1..=8_u16 {
        let share = f32::from(step) / 20.0;
        let fed = [share, 1.0 - share, 0.75, 0.25];
        let truth = Truth::Classes(vec![1, 0]);
        recording
            .step(step.into(), 1, 0.6, 0.1)
            .output(&fed, &truth)
            .head_gradient_norm(0.2)
            .write()
            .unwrap();
    }
}

#[test]
fn a_recording_of_another_program_is_watched_and_checked() {
    let scratch = Scratch::new();
    foreign(&scratch);
    let check = scratch.logit(&["check", "run", "--json"]).code(1);
    let object = json(&check);
    let doubled = &object["steps"]["verdicts"][0];
    assert_eq!(doubled["outcome"]["found"]["step"], 3);
    let told = stdout(&scratch.logit(&["check", "run"]).code(1));
    assert!(
        told.contains("error[activation-before-logits-loss]") && told.contains("10 rules on 8"),
        "{told}"
    );

    std::fs::remove_file(scratch.path("run/metrics.jsonl")).unwrap();
    let server = Server::of(&scratch, &["run"]);
    let run = &server.json("/api/runs")[0];
    assert_eq!((&run["program"], &run["recipe"]), (&"other 0.3".into(), &Value::Null));
    assert_eq!((&run["state"], &run["step"]), (&"stopped".into(), &8.into()));
    assert_eq!(server.json("/api/runs/0/series")["steps"]["loss"].as_array().unwrap().len(), 8);
    assert_eq!(server.json("/api/runs/0/frame?step=5")["output"]["rows"], 2);
    assert_eq!(server.json("/api/runs/0/findings")[0]["step"], 3);

    let parts = ["recorded by other 0.3", "logit train"];
    refused(scratch.logit(&["eval", "run"]), 1, &parts);
    refused(scratch.logit(&["train", "--resume", "run"]), 1, &parts);
}
