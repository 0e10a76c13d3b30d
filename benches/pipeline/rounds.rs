//! CPU time of processes, over rounds.

use std::fmt;

/// Clock ticks per second in `/proc`: the same on every Linux.
const TICKS: f64 = 100.0;

/// CPU seconds, user and system, of the processes that `work` starts and waits for.
pub fn cpu_of_children(work: impl FnOnce()) -> f64 {
    let before = children();
    work();
    children() - before
}

/// Fields 16 and 17 of `/proc/self/stat`: user and system time of children waited for.
fn children() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    // The second field is a name in brackets, which may hold spaces.
    let after_name = stat.rsplit(')').next().expect("a name in brackets");
    let ticks = after_name.split_whitespace().skip(13).take(2);
    ticks.map(|field| field.parse::<f64>().expect("ticks")).sum::<f64>() / TICKS
}

/// CPU seconds, one number per round.
#[derive(Default)]
pub struct Rounds(Vec<f64>);

/// CPU seconds per million events.
pub struct Summary {
    pub median: f64,
    least: f64,
    most: f64,
}

impl Rounds {
    pub fn add(&mut self, seconds: f64) {
        self.0.push(seconds);
    }

    pub fn latest(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }

    pub fn per_million(&self, events: u64) -> Summary {
        let mut sorted: Vec<f64> = self.0.iter().map(|s| s * 1e6 / events as f64).collect();
        sorted.sort_by(f64::total_cmp);
        Summary {
            median: sorted[sorted.len() / 2],
            least: sorted[0],
            most: sorted[sorted.len() - 1],
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.2} ({:.2}-{:.2})", self.median, self.least, self.most);
        f.pad(&text)
    }
}
