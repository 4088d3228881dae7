//! The command line, as clap reads it.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use clap_complete::Shell;
use logit_zoo::train::DeviceName;

use crate::output::{note, shown};

/// The largest integer of TOML, in which a run keeps its recipe.
const MAX_SEED: u64 = i64::MAX as u64;

const EXAMPLES: &str = "\
Examples:
  logit train digits                      train on the built-in digits, in runs/digits
  logit eval runs/digits --json           the metrics of its best weights on the test set
  logit predict runs/digits photo.png     logits, probabilities and decision for a picture
  logit predict runs/sts \"a dog\" \"a cat\"  how similar two sentences are, from 0 to 5
  logit inspect runs/digits               the network, step by step, with shapes and parameters
  logit study activations                 why sigmoid fails where softmax works, in numbers
  logit heads                             which head, loss and metrics fit which answer";

/// The output layer of neural networks: train it right, check it, look inside it.
#[derive(Debug, Parser)]
#[command(name = "logit", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Print one JSON object on standard output; everything else goes to standard error
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Args {
    /// Reads the command line. Help, and errors that quote it, end the program.
    pub(crate) fn read() -> Self {
        let given: Vec<OsString> = std::env::args_os().collect();
        Self::try_parse_from(&given).unwrap_or_else(|error| refuse(&given, &error))
    }
}

/// Says what clap says, of the same words as a terminal may have them.
fn refuse(given: &[OsString], error: &clap::Error) -> ! {
    match Args::try_parse_from(given.iter().map(|word| shown(word.to_string_lossy()))) {
        Err(same) if same.kind() == error.kind() => same.exit(),
        // Words that are not UTF-8 are wrong only as they were given.
        _ => {
            error.render().to_string().lines().for_each(|line| note(format_args!("{line}")));
            std::process::exit(error.exit_code());
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a recipe in a run directory, or resume a run
    #[command(after_help = "\
Examples:
  logit train digits
  logit train digits --data path/to/mnist --out runs/full --epochs 12
  logit train digits --seed 7 --set train.optimizer=sgd --set train.learning_rate=0.1
  logit train digit-pairs --preset paper
  logit train my-recipe.toml
  logit train penguins.csv --target species
  logit train photos --epochs 30
  logit train photos.csv --images path --target species
  logit train yeast.csv --targets Class1,Class2,Class3 --weights balanced
  logit train sts --data path/to/stsb --vectors path/to/wordllama --head pearson
  logit train --resume runs/digits

Ctrl-C or SIGTERM ends training after the step under way, with a checkpoint from which --resume continues; the exit code is
then 130.")]
    Train(Box<Train>),
    /// Evaluate a run's best weights on the test set
    #[command(
        after_help = "Examples:\n  logit eval runs/digits\n  logit eval runs/digits --data path/to/mnist --json"
    )]
    Eval(Eval),
    /// Predict with a run: the class or mask of an image, the rows of a table, the similarity of two sentences
    #[command(after_help = "\
Examples:
  logit predict runs/digits digit.png
  logit predict runs/digits *.png --json
  logit predict runs/digit-pairs left.png right.png
  logit predict runs/nuclei slide.png --out masks
  logit predict runs/penguins new.csv --out out.csv
  logit predict runs/sts \"a sentence\" \"another\"")]
    Predict(Predict),
    /// Explain what a run's network said: which pixels, words or columns its answer is made of
    #[command(after_help = "\
Examples:
  logit explain runs/digits three.png -o heat.png
  logit explain runs/digits *.png --rule deep-taylor,epsilon-gamma-box,gradient-x-input -o sheet.png
  logit explain runs/digit-pairs left.png right.png --measure -o heat.png
  logit explain runs/nuclei slide.png --target nucleus --pixel 40,60 -o heat.png
  logit explain runs/penguins new.csv --target Gentoo
  logit explain runs/sts \"a dog runs\" \"a cat sleeps\" -o words.html

Rules and methods: deep-taylor, deep-taylor-unbounded, epsilon-plus, epsilon-plus-flat, epsilon-gamma-box, \
epsilon-alpha2-beta1, epsilon-alpha2-beta1-flat, excitation-backprop, guided-backprop, deconvnet, gradient, gradient-x-input, \
integrated-gradients, smoothgrad, grad-cam, occlusion; and single rules for all layers: epsilon, zero, z-plus, gamma, \
alpha-beta, w-square, flat.

A map says what the network's number is made of. It does not say that the number is right, nor what would happen if the input \
were another. docs/explain.md says which rule to choose.")]
    Explain(Explain),
    /// Print a network step by step: shapes, parameters, and what its output means
    #[command(after_help = "\
Examples:
  logit inspect runs/digits
  logit inspect runs/penguins --json
  logit inspect digits-mlp

N is the number of samples in a batch. No data is read: a recipe alone decides the network of digits, digit-pairs and
nuclei; for tables, images and sentences, name a run.")]
    Inspect(Inspect),
    /// Watch runs, live or finished: a page with the softmax of chosen samples at every recorded step
    #[command(after_help = "\
Examples:
  logit watch runs/digits
  logit watch runs/digits runs/digits-2 --port 8080

The page shows the training passes themselves: in training mode, before the update. No extra pass is made.")]
    Watch(Watch),
    /// Print what the run-time checks of a run found, what is fine, and what could not be judged
    #[command(after_help = "\
Examples:
  logit check runs/digits
  logit check runs/digits --json

The exit code is 1 if there is an error or a warning, and if a part of the record is missing, so that it could not be judged.")]
    Check(Check),
    /// List the recipes, or print one with a reason for each value
    #[command(after_help = "Examples:\n  logit recipes\n  logit recipes digits > my-recipe.toml")]
    Recipes {
        /// The recipe to print
        name: Option<String>,
    },
    /// Print the table of heads: which units, loss, probabilities and metrics go with which answer
    Heads,
    /// Let other processes train on this machine's processor, with `--device remote://HOST:PORT`
    #[command(after_help = "\
Examples:
  logit serve-device
  logit train digits --device remote://127.0.0.1:3000

The connection is not encrypted. Set LOGIT_DEVICE_TOKEN to the same secret on both sides, and other clients are refused.")]
    ServeDevice {
        /// The address to listen on; other machines can connect only if it is this machine's address in the network
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
        listen: SocketAddr,
    },
    /// Compare ways to wire an output layer, on real data
    #[command(subcommand)]
    Study(Study),
    /// Print a completion script for a shell
    #[command(
        after_help = "Example:\n  logit completions bash > ~/.local/share/bash-completion/completions/logit"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Train {
    /// A recipe's name (`logit recipes`) or TOML file, a table (.csv, .csv.gz, .tsv, .arff or
    /// .parquet), or a folder of images with a folder for each class
    #[arg(value_name = "RECIPE|FILE", required_unless_present = "resume")]
    pub(crate) recipe: Option<String>,

    /// A preset of the recipe: NAME selects the recipe RECIPE-NAME
    #[arg(long, value_name = "NAME")]
    pub(crate) preset: Option<String>,

    /// The data. For digits: a folder with MNIST's four IDX files, plain or gzip [default: 3000 digits built into the
    /// binary]. For nuclei: a folder with `images` and `masks`, or with `train` and `test` that each hold both. For sts: a
    /// folder with stsb-en-{train,dev,test}.csv, or a TSV file of pairs
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<PathBuf>,

    /// For sts: a folder with word vectors (.safetensors) and a tokenizer.json or a list of words; the same as
    /// `--set data.vectors=PATH`
    #[arg(long, value_name = "PATH")]
    pub(crate) vectors: Option<PathBuf>,

    /// For sts: values, expected, pearson or ordinal; the same as `--set model.head=HEAD`
    #[arg(long, value_name = "HEAD")]
    pub(crate) head: Option<String>,

    /// The run directory to create [default: runs/RECIPE, with a number if it exists]
    #[arg(long, value_name = "RUN")]
    pub(crate) out: Option<PathBuf>,

    /// The number of epochs, exactly
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<u64>,

    /// The seed that everything random follows from
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=MAX_SEED))]
    pub(crate) seed: Option<u64>,

    /// Replace a value of the recipe; can be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,

    /// Where to train: cpu, cuda:NUMBER, or remote://HOST:PORT for a machine that runs `logit serve-device`. Several
    /// devices, separated by commas, share each batch [default: cpu]
    #[arg(long = "device", visible_alias = "devices", value_name = "DEVICE", value_delimiter = ',')]
    pub(crate) devices: Vec<DeviceName>,

    /// Show progress as plain lines, even on a terminal
    #[arg(long)]
    pub(crate) plain: bool,

    /// Resume a run from its last checkpoint, with the settings it was started with
    #[arg(long, value_name = "RUN", conflicts_with_all = ["recipe", "preset", "data", "vectors", "head", "out", "epochs", "seed", "settings"])]
    pub(crate) resume: Option<PathBuf>,

    // Last, because its heading holds for all that follow.
    #[command(flatten)]
    pub(crate) table: TableArgs,
}

/// What the command line says about a table.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Tables")]
pub(crate) struct TableArgs {
    /// The table is a list of images, and this column holds their paths
    #[arg(long, value_name = "COLUMN")]
    pub(crate) images: Option<String>,

    /// The column to learn
    #[arg(long, value_name = "COLUMN", conflicts_with = "targets")]
    pub(crate) target: Option<String>,

    /// Several columns to learn at once
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    pub(crate) targets: Vec<String>,

    /// The kind of answer, if the targets do not show it
    #[arg(long, value_name = "KIND", value_parser = ["classes", "labels", "values", "grades"])]
    pub(crate) answer: Option<String>,

    /// The target is a grade between these ends
    #[arg(long, value_name = "LOW,HIGH", value_delimiter = ',', num_args = 1, allow_negative_numbers = true)]
    pub(crate) grades: Vec<f64>,

    /// Columns to leave out
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    pub(crate) drop: Vec<String>,

    /// A table of test rows, instead of a fifth of the rows
    #[arg(long, value_name = "FILE")]
    pub(crate) test: Option<PathBuf>,

    /// The network
    #[arg(long, value_parser = ["linear", "mlp"])]
    pub(crate) model: Option<String>,

    /// How much more rare classes or labels weigh
    #[arg(long, value_parser = ["none", "sqrt", "balanced"])]
    pub(crate) weights: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Eval {
    /// The run directory
    pub(crate) run: PathBuf,

    /// Other data of the same kind. A table, or a folder or list of images, is evaluated whole; of other data, the test
    /// part [default: the data the run was trained on]
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Predict {
    /// The run directory
    pub(crate) run: PathBuf,

    /// What to predict on: images (PNG or JPEG), a table with the columns that the run was trained on, or sentences in
    /// pairs
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<OsString>,

    /// Where to write the result: a folder for masks [default: the folder `predictions` of the run], or a file for the
    /// rows of a table
    #[arg(long, short, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Explain {
    /// The run directory
    pub(crate) run: PathBuf,

    /// What to explain: images or a folder of them, a table, or sentences in pairs
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<OsString>,

    /// The class, label, value or grade to explain, by name or number [default: what was decided; of masks, the first class
    /// that is no background]
    #[arg(long, value_name = "CLASS")]
    pub(crate) target: Option<String>,

    /// Explain a class by its log-odds instead of its logit
    #[arg(long)]
    pub(crate) log_odds: bool,

    /// Explain one pixel of a mask [default: all pixels that were decided for the target]
    #[arg(long, value_name = "ROW,COLUMN", value_parser = pixel)]
    pub(crate) pixel: Option<[usize; 2]>,

    /// How to explain; several are drawn side by side [default: what suits the run]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) rule: Vec<String>,

    /// Show the relevance of a step's output instead of the input's (`logit inspect RUN` names the steps); of grad-cam, the
    /// step whose maps are weighed
    #[arg(long, value_name = "NAME")]
    pub(crate) layer: Option<String>,

    /// Also measure the maps: pixel flipping, infidelity, max-sensitivity, relevance on ink
    #[arg(long)]
    pub(crate) measure: bool,

    /// Where to draw: a sheet of heat maps (.png), or a page that also holds words and bars (.html)
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// `40,60`
fn pixel(text: &str) -> Result<[usize; 2], String> {
    let number = |text: &str| text.trim().parse::<usize>().ok();
    let both = text.split_once(',').and_then(|(row, column)| Some([number(row)?, number(column)?]));
    both.ok_or_else(|| "a pixel is its row and column, counted from 0, as in 40,60".to_owned())
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Inspect {
    /// A run directory, or a recipe's name (`logit recipes`) or TOML file
    #[arg(value_name = "RUN|RECIPE")]
    pub(crate) network: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Watch {
    /// The run directories to show side by side
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<PathBuf>,

    /// The port; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = 6060)]
    pub(crate) port: u16,

    /// The address to listen on, if other machines should see the runs [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) host: Option<IpAddr>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Check {
    /// The run directory
    pub(crate) run: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Study {
    /// Train the same network with six output layers, three right and three wrong
    #[command(
        after_help = "Examples:\n  logit study activations\n  logit study activations --steps 300 --json"
    )]
    Activations(Activations),
    /// Train the same sentence encoder with four heads for a score, and print published figures next to them
    #[command(after_help = "\
Examples:
  logit study sts --data path/to/stsb --vectors path/to/wordllama
  logit study sts --data path/to/stsb --vectors path/to/glove --epochs 3 --json")]
    Sts(Sts),
    /// Explain a run's test samples by every rule, and compare the maps: conservation, where relevance lies, and more
    #[command(after_help = "\
Examples:
  logit study explain runs/digit-pairs --samples 1000
  logit study explain runs/digits --rule deep-taylor,gradient-x-input --json")]
    Explain(StudyExplain),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct StudyExplain {
    /// The run directory: of digits, digit-pairs or segmentation
    pub(crate) run: PathBuf,

    /// The data whose test part is explained [default: the run's own]
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<PathBuf>,

    /// The rules and methods to compare [default: all composites and methods that the network allows]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) rule: Vec<String>,

    /// How many samples of the test part are explained, from the first
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) samples: u32,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Sts {
    /// A folder with stsb-en-{train,dev,test}.csv, or a TSV file of pairs
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<PathBuf>,

    /// A folder with word vectors (.safetensors) and a tokenizer.json or a list of words
    #[arg(long, value_name = "PATH")]
    pub(crate) vectors: Option<PathBuf>,

    /// The folder for the four run directories [default: runs/study-sts, with a number if it exists]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    /// The number of epochs, exactly
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<u64>,

    /// The seed that all heads share
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=MAX_SEED))]
    pub(crate) seed: Option<u64>,

    /// Replace a value of the recipe `sts`; can be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Activations {
    /// A folder with MNIST's four IDX files [default: 3000 digits built into the binary]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// Steps to train each way for
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) steps: u64,

    /// The seed that all ways share
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
}
