//! Panes and windows: what is kept of a slice of event time, and how slices merge.
//!
//! A [`Pane`] is the only thing that outlives its events. Windows are sums of panes; nothing here
//! knows when a window is judged (that is `engine::judge`) or what a record looks like.

mod cells;
mod matches;
mod pane;
mod running;

pub use cells::PaneCounts;
pub use matches::Matches;
pub use pane::{Extent, Pane, SeriesCounts};
pub use running::{Passing, Running};
