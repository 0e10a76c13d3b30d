//! kill -9 in a loop on the store alone: after every kill the state must be that of the last commit
//! that was acknowledged, or of the one after it, in every row of every table.
//!
//! ```text
//! cargo test --test store                              # 30 kills
//! cargo test --test store -- --kills 1000 --seed 7
//! ```
//!
//! A process that does nothing but open the store and commit batches like those of the engine tells
//! over a pipe what was acknowledged. It dies while it commits, while it opens or recovers, when
//! journals rotate, while a backup of it is made, or with all or some of what was not synced. What
//! is committed is a function of the seed and the commit's number, so that the state can be put
//! together without the store. The moment of a kill is the machine's; everything else is the seed's.

#[path = "../kill/mod.rs"]
#[allow(dead_code)]
mod kill;

mod ends;
mod life;
mod model;
mod script;
mod traces;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use ends::Ends;
use kill::arguments::Arguments;

/// Kills of a run that does not say how many.
const KILLS: u32 = 30;
/// Journals stay below this, whatever is interrupted.
const MOST_JOURNALS: u64 = 640_000_000;

fn main() -> ExitCode {
    if let Some(code) = life::be_one() {
        return code;
    }
    let Some(arguments) = Arguments::read("store", KILLS) else { return ExitCode::SUCCESS };
    println!("store: {} kills, seed {}", arguments.kills, arguments.seed);
    let began = Instant::now();
    let name = format!("store-{}", std::process::id());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let mut ends = Ends::new(arguments.seed, &folder);
    for number in 1..=arguments.kills {
        ends.one(number);
        let journals = ends.traces.journals;
        assert!(journals < MOST_JOURNALS, "journals of {journals} bytes");
        if number % 50 == 0 || number == arguments.kills {
            println!("store: {number} kills, {}, {:.0?}", ends.figures(), began.elapsed());
        }
    }
    println!("store: {}", ends.kinds());
    if arguments.kills >= KILLS {
        assert!(ends.met_commits(), "no kill met a commit on its way");
        assert!(ends.traces.rotations > 0, "no journal was rotated");
        assert!(!ends.traces.tables.is_empty(), "no table was written");
    }
    if arguments.kills >= 10 * KILLS {
        assert!(ends.traces.merged > 0, "no tables were merged");
    }
    // Kept where something was wrong.
    std::fs::remove_dir_all(&folder).unwrap();
    ExitCode::SUCCESS
}
