//! The page: files that are part of the program.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// Name, content type and text.
const FILES: &[(&str, &str, &str)] = &[
    ("index.html", HTML, include_str!("../../assets/watch/index.html")),
    ("watch.css", CSS, include_str!("../../assets/watch/watch.css")),
    ("api.js", JS, include_str!("../../assets/watch/api.js")),
    ("boxes.js", JS, include_str!("../../assets/watch/boxes.js")),
    ("chart.js", JS, include_str!("../../assets/watch/chart.js")),
    ("confusion.js", JS, include_str!("../../assets/watch/confusion.js")),
    ("curves.js", JS, include_str!("../../assets/watch/curves.js")),
    ("dom.js", JS, include_str!("../../assets/watch/dom.js")),
    ("feed.js", JS, include_str!("../../assets/watch/feed.js")),
    ("findings.js", JS, include_str!("../../assets/watch/findings.js")),
    ("format.js", JS, include_str!("../../assets/watch/format.js")),
    ("frame.js", JS, include_str!("../../assets/watch/frame.js")),
    ("histogram.js", JS, include_str!("../../assets/watch/histogram.js")),
    ("layers.js", JS, include_str!("../../assets/watch/layers.js")),
    ("listen.js", JS, include_str!("../../assets/watch/listen.js")),
    ("map.js", JS, include_str!("../../assets/watch/map.js")),
    ("paint.js", JS, include_str!("../../assets/watch/paint.js")),
    ("picture.js", JS, include_str!("../../assets/watch/picture.js")),
    ("reliability.js", JS, include_str!("../../assets/watch/reliability.js")),
    ("runs.js", JS, include_str!("../../assets/watch/runs.js")),
    ("samples.js", JS, include_str!("../../assets/watch/samples.js")),
    ("scale.js", JS, include_str!("../../assets/watch/scale.js")),
    ("seek.js", JS, include_str!("../../assets/watch/seek.js")),
    ("shapes.js", JS, include_str!("../../assets/watch/shapes.js")),
    ("tabs.js", JS, include_str!("../../assets/watch/tabs.js")),
    ("timeline.js", JS, include_str!("../../assets/watch/timeline.js")),
    ("watch.js", JS, include_str!("../../assets/watch/watch.js")),
];

pub(super) async fn index() -> Response {
    answer("index.html")
}

pub(super) async fn file(Path(name): Path<String>) -> Response {
    answer(&name)
}

fn answer(name: &str) -> Response {
    match FILES.iter().find(|(known, ..)| *known == name) {
        Some((_, kind, text)) => ([(CONTENT_TYPE, *kind)], *text).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::FILES;

    #[test]
    fn whatever_a_file_asks_for_is_served() {
        for (name, _, text) in FILES {
            let imports = text.lines().filter_map(|line| line.split_once(" from './"));
            let links = text.lines().filter_map(|line| line.split_once("=\"/"));
            for (_, rest) in imports.chain(links) {
                let asked_for = rest.split(['\'', '"']).next().unwrap();
                assert!(FILES.iter().any(|(known, ..)| *known == asked_for), "{name} asks for {asked_for}");
            }
        }
    }
}
