//! VQL against SQLite: the same work in the same process, one thread each.
//!
//! `cargo run --release -p bench-vql` prints a table; `-- --help` tells the rest. Figures are CPU time of the thread,
//! medians over the runs, both sides in turn. SQLite gets each query in several spellings (series, recursive query,
//! filled table in memory) and the fastest counts.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a program that prints")]

mod cases;
mod measure;
mod numbers;
mod peregrine;
mod sqlite;

use cases::Case;
use clap::Parser;

/// As in the program that is shipped.
#[global_allocator]
static ALLOCATOR: peregrine_os::Counting<mimalloc::MiMalloc> = peregrine_os::Counting(mimalloc::MiMalloc);

/// Compares VQL with SQLite on equal work.
#[derive(Parser)]
struct Args {
    /// Only the cases with these letters.
    #[arg(value_name = "LETTER")]
    letters: Vec<String>,
    /// A share of the rows, to look quickly.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Runs of each side.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Run VQL once, without SQLite and without a table: for profilers.
    #[arg(long)]
    only_vql: bool,
    /// Print how many rows the cases take in, and end: for scripts.
    #[arg(long)]
    rows: bool,
    /// Sort and group 20 M rows and print the most memory the process had.
    #[arg(long)]
    memory: bool,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let wanted =
        |case: &Case| args.letters.is_empty() || args.letters.iter().any(|letter| letter == case.letter);
    if args.memory {
        return measure::memory(args.scale, &wanted);
    }
    let cases: Vec<Case> = cases::timed(args.scale).into_iter().filter(wanted).collect();
    if args.rows {
        cases.iter().for_each(|case| println!("{}", case.rows));
        return Ok(());
    }
    if args.only_vql {
        for case in &cases {
            println!("{} {} rows out", case.letter, peregrine::run(case)?);
        }
        return Ok(());
    }
    measure::table(&cases, args.runs)
}
