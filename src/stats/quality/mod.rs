//! Data quality: what is wrong with a window's values whatever their distribution.

pub(super) mod constant_feature;
pub(super) mod new_spike;
pub(super) mod rate;
