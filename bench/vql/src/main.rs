//! VQL against SQLite: the same work in the same process, one thread each.
//!
//! `cargo run --release -p bench-vql` prints a table; see `-- --help` for options. Figures are CPU time of
//! the thread, medians over the runs, with both sides taking turns. SQLite gets each query in several
//! spellings (series, recursive query, filled table in memory), and the fastest counts.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a program that prints")]

mod cases;
mod measure;
mod numbers;
mod peregrine;
mod sqlite;

use cases::Case;
use clap::Parser;

/// As in the released program.
#[global_allocator]
static ALLOCATOR: peregrine_os::Counting<mimalloc::MiMalloc> = peregrine_os::Counting(mimalloc::MiMalloc);

/// Compares VQL with SQLite on equal work.
#[derive(Parser)]
struct Args {
    /// Only the cases with these letters.
    #[arg(value_name = "LETTER")]
    letters: Vec<String>,
    /// A fraction of the rows, for a quick look.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Number of runs of each side.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Run VQL once, without SQLite and without a table, for profilers.
    #[arg(long)]
    only_vql: bool,
    /// Print the number of rows of each case and exit, for scripts.
    #[arg(long)]
    rows: bool,
    /// Sort and group 20 M rows and print the peak memory of the process.
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
