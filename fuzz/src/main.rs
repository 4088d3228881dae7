//! Feeds every reader what nobody meant to write: `logit-fuzz SECONDS [READER...]`; or writes the seeds: `logit-fuzz seeds FOLDER`.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs, panic};

use logit_fuzz::mutate::{mutated, seed_of};
use logit_fuzz::targets::{Place, TARGETS, Target};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// Seconds that a reader may take over one input.
const SLOW: f64 = 40.0;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["seeds", folder] => write_seeds(Path::new(folder)).map(|()| ExitCode::SUCCESS),
        [seconds, ref names @ ..] => run(Duration::from_secs(seconds.parse()?), names),
        _ => Err("give the seconds per reader, and perhaps the readers' names".into()),
    }
}

fn write_seeds(folder: &Path) -> Result<(), Box<dyn Error>> {
    for target in TARGETS {
        fs::create_dir_all(folder.join(target.name))?;
        for (number, seed) in target.seeds().iter().enumerate() {
            fs::write(folder.join(target.name).join(number.to_string()), seed)?;
        }
    }
    Ok(())
}

fn run(seconds: Duration, names: &[&str]) -> Result<ExitCode, Box<dyn Error>> {
    let unknown = names.iter().find(|name| Target::named(name).is_none());
    if let Some(name) = unknown {
        let all: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        return Err(format!("there is no reader {name}; there are {}", all.join(", ")).into());
    }
    let mut failures = 0;
    for target in TARGETS.iter().filter(|target| names.is_empty() || names.contains(&target.name)) {
        failures += feed(target, seconds)?;
    }
    Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Feeds a reader for some time, and gives the number of inputs over which it panicked or took too long; the first few are
/// kept.
fn feed(target: &Target, seconds: Duration) -> Result<u32, Box<dyn Error>> {
    let within = env::temp_dir();
    let (place, seeds) = (Place::of(target, &within), target.seeds());
    let mut random = StdRng::seed_from_u64(seed_of(target.name));
    let (begun, mut inputs, mut failures) = (Instant::now(), 0_u64, 0);
    while begun.elapsed() < seconds {
        let input = match seeds.get(inputs as usize) {
            Some(seed) => seed.clone(),
            None => mutated(target.made, &seeds, &mut random),
        };
        inputs += 1;
        let one = Instant::now();
        let result = panic::catch_unwind(|| target.read(&place, &input));
        if result.is_err() || one.elapsed().as_secs_f64() > SLOW {
            failures += 1;
            let kept = within.join(format!("logit-fuzz-{}-{failures}", target.name));
            fs::write(&kept, &input)?;
            println!("{}: failed on {}", target.name, kept.display());
            if failures == 5 {
                break;
            }
        }
    }
    println!("{}: {inputs} inputs, {failures} failures", target.name);
    Ok(failures)
}
