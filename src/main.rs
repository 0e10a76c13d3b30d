//! The door: exit codes and logging; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    driftd::cli::main()
}
