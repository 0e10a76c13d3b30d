//! The command line of a loop of kills.

/// What `cargo test` passes on is understood as far as it concerns a single test.
pub struct Arguments {
    pub kills: u32,
    pub seed: u64,
}

impl Arguments {
    /// `None` where nothing is to be run: a list is asked for, or other tests.
    pub fn read(test: &str, kills: u32) -> Option<Arguments> {
        let clock = std::time::UNIX_EPOCH.elapsed().map_or(1, |time| time.as_nanos() as u64);
        let mut read = Arguments { kills, seed: clock % 1_000_000 };
        let mut arguments = std::env::args().skip(1);
        let mut chosen = None;
        while let Some(argument) = arguments.next() {
            let mut number = || arguments.next().and_then(|text| text.parse::<u64>().ok());
            match argument.as_str() {
                "--kills" => read.kills = number().expect("--kills N") as u32,
                "--seed" => read.seed = number().expect("--seed N"),
                "--test-threads" | "--skip" | "--color" | "--format" => {
                    arguments.next();
                }
                "--list" => {
                    println!("{test}: test");
                    return None;
                }
                "--ignored" => return None,
                option if option.starts_with('-') => {}
                name => chosen = Some(chosen.unwrap_or(false) || test.contains(name)),
            }
        }
        chosen.unwrap_or(true).then_some(read)
    }
}
