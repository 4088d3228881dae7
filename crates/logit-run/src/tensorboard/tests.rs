//! The file as a whole.

use std::time::Duration;

use super::*;

fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_750_000_000_500)
}

/// An event of noon: its time, and these fields.
fn event(fields: &[u8]) -> Vec<u8> {
    let time = 1_750_000_000.5_f64.to_le_bytes();
    [b"\x09", &time[..], fields].concat()
}

fn name(events: &EventFile) -> &str {
    events.path().file_name().unwrap().to_str().unwrap()
}

#[test]
fn a_file_begins_as_one_of_tensorflow() {
    let folder = tempfile::tempdir().unwrap();
    let events = EventFile::create(folder.path(), noon()).unwrap();
    assert_eq!(name(&events), "events.out.tfevents.1750000000.logit");
    let file = fs::read(events.path()).unwrap();
    let (records, bytes) = record::read(&file);
    assert_eq!(records, [event(b"\x1a\x0dbrain.Event:2"), event(b"\x10\0\x3a\x02\x08\x01")]);
    assert_eq!(bytes, file.len());
}

#[test]
fn a_session_starts_at_its_step() {
    let folder = tempfile::tempdir().unwrap();
    EventFile::create(folder.path(), noon()).unwrap();
    let mut events = EventFile::create(folder.path(), noon()).unwrap().with_clock(noon);
    events.resume(300).unwrap();
    events.flush().unwrap();
    let file = fs::read(events.path()).unwrap();
    let expected = [event(b"\x1a\x0dbrain.Event:2"), event(b"\x10\xac\x02\x3a\x02\x08\x01")];
    assert_eq!(record::read(&file).0, expected);
}

#[test]
fn equal_events_at_equal_times_are_equal_bytes() {
    let write = |folder: &Path| {
        let mut events = EventFile::create(folder, noon()).unwrap().with_clock(noon);
        events.scalar(3, "loss", 0.0).unwrap();
        events.flush().unwrap();
        fs::read(events.path()).unwrap()
    };
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = write(one.path());
    assert_eq!(file, write(other.path()));
    let expected = event(b"\x10\x03\x2a\x0d\x0a\x0b\x0a\x04loss\x15\0\0\0\0");
    assert_eq!(record::read(&file).0.last(), Some(&&expected[..]));
}

#[test]
fn a_later_file_comes_later_in_the_order_of_names() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("events.out.tfevents.1750000007.host.1.0"), "").unwrap();
    fs::write(folder.join("metrics.jsonl"), "").unwrap();
    let first = EventFile::create(folder, noon()).unwrap();
    assert_eq!(name(&first), "events.out.tfevents.1750000008.logit");
    let earlier = noon() - Duration::from_hours(1);
    assert_eq!(name(&EventFile::create(folder, earlier).unwrap()), "events.out.tfevents.1750000009.logit");
    let later = noon() + Duration::from_mins(1);
    assert_eq!(name(&EventFile::create(folder, later).unwrap()), "events.out.tfevents.1750000060.logit");
}

#[test]
fn only_whole_records_are_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut events = EventFile::create(folder.path(), noon()).unwrap();
    let path = events.path().to_owned();
    for step in 0..4_000 {
        events.scalar(step, "loss", 1.0).unwrap();
    }
    let file = fs::read(&path).unwrap();
    let (records, whole) = record::read(&file);
    assert_eq!(whole, file.len());
    assert!(records.len() > 1_000 && records.len() < 4_002);
    drop(events);
    assert_eq!(record::read(&fs::read(&path).unwrap()).0.len(), 4_002);
}

#[test]
fn a_bad_value_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let mut events = EventFile::create(folder.path(), noon()).unwrap();
    let bad = Histogram { low: 1.0, high: 0.0, count: 0, sum: 0.0, sum_of_squares: 0.0, bins: &[] };
    let before = fs::metadata(events.path()).unwrap().len();
    assert!(events.histogram(0, "weights", &bad).is_err());
    assert!(events.image(0, "digit", 28, 28, 1, &[0; 3]).is_err());
    events.flush().unwrap();
    assert_eq!(fs::metadata(events.path()).unwrap().len(), before);
}
