//! Defects of other tools that driftd does not share.
//!
//! Each test shows the defect by the tool's own rule, on data where it shows, and then that driftd's
//! number stands. The findings were made on the versions named; `docs/why-other-tools-page.md` tells which
//! of them a command of this repository reproduces with the tool itself.
//!
//! | Tool | Defect | Test |
//! |---|---|---|
//! | Evidently 0.7.23 | chi-square takes the reference for exact: a test of 5 % rejects far more where m = n | `a_reference_is_a_sample_too` |
//! | Evidently 0.7.23 | PSI bins the pooled data: one outlier of the window hides a shift of two deviations | `an_outlier_hides_no_shift` |
//! | NannyML 0.13.1 | KS over bins of equal width: a heavy tail lies in one bin | `a_heavy_tail_keeps_its_distance` |
//! | NannyML 0.13.1 | mean + 3 sd over ten chunks that belong to the reference: 6 % false alarms per chunk | `a_noise_floor_is_exceeded_as_rarely_as_stated` |
//! | Evidently 0.7.23, NannyML 0.13.1 | a distance of 0.1 alarms by the size of the window | `a_level_of_a_tenth_is_told_apart_from_noise` |
//! | any test of 5 % in a sliding window | looked at every 5 minutes, most days have a false alarm | `looking_often_costs_nothing` |
//! | any frozen reference | one unlucky reference alarms for ever | `an_unlucky_reference_keeps_the_promise` |
//! | whylogs (KLL sketches on both sides) | p-values far below any level for one law | `large_windows_of_one_law_are_no_drift` |
//! | DDSketch at 1 % | N(1000, 1) and N(1001, 1) are the same | `a_shift_of_a_thousandth_is_seen` |
//! | Frouros 0.9.0, IncrementalKS | sorts the window again at each event | `a_window_costs_the_same_whatever_it_holds` |
//! | Frouros 0.9.0, PSI | an empty bin adds 700 times its share | `an_empty_bin_weighs_no_more_than_its_rows` |
//! | alibi-detect 0.13.0, CVMDriftOnline | keeps every event since its start | `a_detector_keeps_no_events` |
//! | scipy's KS p-value, as used by all | ties make it reject less often than stated | `ties_cost_no_power` |

mod detecting;
mod distances;
mod sample;
