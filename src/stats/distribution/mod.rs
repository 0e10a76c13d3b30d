//! Distances between the window's distribution and the reference's.
//!
//! Two families: those over bins (`binned`) and those over ranks (`ranked`). A member is a formula
//! in a file of its own; what all members share is said once, by the family.

pub(super) mod anderson_darling;
mod attribution;
mod binned;
mod binning;
mod bridge;
mod chance;
pub(super) mod chi_square;
pub(super) mod cramer_von_mises;
mod frozen;
pub(super) mod g_test;
pub(super) mod hellinger;
pub(super) mod jensen_shannon;
pub(super) mod kl;
pub(super) mod kolmogorov;
pub(super) mod ks;
pub(super) mod kuiper;
pub(super) mod l_infinity;
pub(super) mod mann_whitney;
pub(super) mod psi;
mod ranked;
pub(super) mod total_variation;
pub(super) mod wasserstein;

pub use attribution::{Bin, Place, bins, split_psi};
pub use binning::Binning;
pub use frozen::FrozenBins;
