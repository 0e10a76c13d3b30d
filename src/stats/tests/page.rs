//! docs/statistics.md: written from the registry, and fresh.

use std::fmt::Write;
use std::path::Path;

use super::*;

const HEAD: &str = "\
# Statistics

Every statistic that a monitor can compute. Generated from the registry (`src/stats`); do not edit.

`statistic = \"NAME\"`, or `{ kind = \"NAME\", ... }` with options. *Noise floor*: score lines carry the value
that an undrifted window of this size exceeds once in a hundred (falls below, where smaller is worse).
*Visible*: beside a noise floor they carry `visible`, the smallest change that a window of this size puts beyond
the floor nine times in ten, as the score that the two sources themselves would have without noise: for sums
over bins by the noncentral chi-square law, for `ks` and `kuiper` by the bound on a distribution function's noise,
for the other distances by the noise along the change, for shares by the binomial law. *Interval*: score lines carry one where the
value is a bound (distributions on a compressed reference: it holds the truth) or an estimate (metrics: 95 %; normal
intervals of means take the deviation with n - 1, and 1.96 is 1.95996).
";

/// Which statistic answers which question; every one of the registry stands here.
const CHOOSER: &str = "
## Which statistic for which question

| To know | Choose | Because |
|---|---|---|
| whether a series has changed, whatever its type | `psi` | numbers, categories and missing values alike, and the bin that moved is told |
| the same of numbers, without bins | `ks` | the largest distance, ties exact; what counts is how many values cross a place, not how far they go |
| whether values have grown or fallen | `mann_whitney` | above 0.5 they are greater than in the reference |
| small differences all along the scale | `cramer_von_mises` | sums what `ks` sees at one place |
| changes of the tails or of the spread | `anderson_darling`, `kuiper` | they weigh the ends as much as the middle |
| how far values moved, in their own unit | `wasserstein` | with `normed` in standard deviations |
| how many rows would have to change their category | `total_variation` | a share of rows; `l_infinity` is the largest single change |
| what another tool computes | `jensen_shannon`, `hellinger`, `kl`, `chi_square`, `g_test` | over bins of the reference; `chi_square`, `g_test` and `jensen_shannon` (base 2) as in scipy, `kl` smoothed |
| whether values still come, and of the right type | `missing_rate`, `null_rate`, `nan_rate`, `type_error_rate` | shares of rows |
| whether values come that the reference never held | `new_category_rate`, `out_of_range_rate`, `new_spike` | a new code, another unit, a default fill |
| whether a sensor is stuck | `constant_feature` | one value only |
| how often a classifier is right | `accuracy`, `mcc` | `mcc` also where one class is rare |
| the same for the class that matters | `recall`, `precision`, `f1`, `specificity` | missed cases, false alarms, both, the other class |
| what mistakes cost | `business_value` | a value for each cell of the confusion matrix |
| whether scores still rank well | `roc_auc`, `gini`, `average_precision` | independent of the threshold; the last for rare positives |
| whether probabilities can be believed | `brier`, `log_loss`, `ece`, `calibration_slope` | the first two as a whole, the last two calibration alone |
| how large errors of numbers are | `mae`, `rmse`, `mse` | the latter two weigh large errors up |
| whether errors lean to one side | `mean_error` | its sign tells the side |
| errors relative to the size of the outcome | `mape`, `msle` | `msle` also where outcomes are near 0 |
| what is better than saying the mean | `r2` | 1 is perfect, 0 is the mean |
| predictions that are meant as a quantile | `pinball` | its own loss |
| whether errors are distributed as they were | `error_ks` | drift of the residuals, whatever its kind: place, spread or shape |
| the error that most predictions stay below | `error_quantile` | 0.95 is the worst of twenty |
| whether outcomes come, and when | `outcome_coverage`, `outcome_delay` | before any performance is believed |
| whether traffic is as usual | `event_rate` | predictions per second |
";

/// What distributions are counted on.
const BINS: &str = "
## Bins, grids and cells

A window is never kept value by value: it is counted on the *grid* of its reference.

- *Grid points* of numbers: a reference of at most 1,000 distinct values keeps them all, a *whole* reference. Of more
  it keeps its quantiles at j / 480, its least and its greatest value: a *compressed* one. The `edges` that monitors
  ask for are grid points too.
- A *cell* is a grid point or a *gap*: what lies between two neighbours, or beyond the ends. Of values in one gap
  only their number is known. On a whole reference the gaps hold no value of the reference, so that its rank
  statistics are exact; on a compressed one their interval says what the order within gaps may change. Of categories
  each name of the reference is a cell, and all others share one.
- *Bins* of numbers are (a, b], with the first and the last open to their side. Without `edges` they end at quantiles
  of the whole reference: the smallest x with F(x) >= i / B, with B = `bins`. Equal ones collapse into one, so that
  there may be fewer bins. Of categories each name of the reference is a bin.
- A bin *new* (names that the reference lacks) and a bin *absent* (missing, null, NaN or of the wrong type) stand
  beside them where either side has such rows. Rank statistics leave rows without a value out.
- Values that equal a grid point are known to be equal. Edges add points: on a whole reference values of the window
  that lie on an edge are ties from then on, which moves `anderson_darling` and `cramer_von_mises` slightly, and noise
  floors and p-values that heed ties; `wasserstein` knows better where values lie. On a compressed reference edges also
  narrow what is open.
- A reference that was built before a monitor asked for its edges does not know them: `no_reference` until it is built
  or learnt again (`check` says so).
- With `dtype` f32 values, grid and edges are rounded to it before they are compared.
";

/// What a score line says.
const LINE: &str = r#"
## The score line

One per window, series and segment: JSON, the same out of `replay`, out of the API (`/api/v1/scores`) and in the evidence of incidents.

| field | means |
|---|---|
| `type` | `score` |
| `model`, `monitor` | names |
| `version` | the model's version, of a group the newest; null where none is configured |
| `series` | `features.NAME`, `prediction`, `probability`, `outcome`, or `model` for what is of no single series |
| `segment` | the slice, `{"city": "Oslo"}`; null for the whole |
| `statistic` | its name; `NAME_estimate` and `NAME_estimate_error` of estimates and their errors |
| `estimated` | true for an estimate without outcomes; else left out |
| `window` | `start` (inclusive) and `end` (exclusive); `events`: predictions in it; `support`: those that the score is computed from, with a value, matched, or the metric's denominator |
| `revision` | 0, and 1 more each time that the same window is stated anew; the highest holds |
| `score` | the number; null with `no_data` |
| `interval` | `[low, high]`: of a bound it holds the truth, of an estimate from a sample 95 %; `high` is null where nothing bounds it above; null when exact or not known |
| `p_value` | probability of such a score without drift: `chi_square`, `g_test`, `ks`, `kuiper`, `mann_whitney`, `cramer_von_mises`, `anderson_darling` and `error_ks`, where the law is known; else null |
| `noise_floor` | the score that an undrifted window of this size is beyond once in a hundred; null where none is known |
| `visible` | the smallest change that this window shows nine times in ten; null without a noise floor, and where no change is so large |
| `reference` | id of the series' reference, or of the model's for metrics; null without one |
| `reference_events` | rows of it (of the segment's part; with a season weighted, with `against` those of the earlier window); of a metric the pairs that it was computed from there |
| `season` | with a season: its `name`, the `slots` that the window's events lie in, the shares of events judged against the same `hour_of_day` of all days and against all hours (`pooled`), where a slot has too few rows; else left out |
| `against` | with `against`: `start`, `end`, `events` of the earlier window, `support` the rows or pairs compared with; else left out |
| `coverage` | share of the window's predictions whose outcome is known or assumed; null where outcomes play no part |
| `verdict` | `ok`, `warning`, `critical`: the detector's reading of this window, before `for`; `no_data` |
| `reason` | why there is no score; null with one |

*Reasons.* The first that holds is given:

| reason | means |
|---|---|
| `window_not_full` | the series has not been counted over the whole window yet |
| `path_never_seen` | its path, of an estimate that of the probability or of the expected loss, was found in no event so far: a fault of the configuration |
| `no_reference` | nothing to compare with: no reference of the series, no part of it for the segment (distances), no edges, calibrator or errors in it, or not the metric that the detector compares with |
| `low_coverage` | outcomes are due, and fewer than `min_coverage` are known or assumed (metrics, and distributions of outcomes) |
| `not_enough_events` | fewer predictions than `min_events`, also of a run of windows without any, which is one line |
| `wrong_type` | more than 5 % of the rows hold something of another type (distributions) |
| `not_enough_support` | `support` below `min_support` |
| `no_earlier_window` | the window that `against` means was not seen whole, or holds less than one that is judged must |
| `no_slots` | the reference was not counted by the model's season |
| `undefined` | the formula has no value here: an empty side, a denominator of 0, a type that it is not for |
| `no_reference`, `undefined` | from the detector: it has nothing to compare with (no reference counts, no metric on a reference), or cannot take the score (`risk` where the greatest loss is tolerated, `ddm` where its rate leaves 0 to 1) |
| `too_little_power` | from `threshold`: a level was crossed within the noise floor, or a rare level has neither a law nor enough past windows; `noise_floor` and `visible` are told all the same |

*When.* Windows of features and predictions are judged when they end, and again, with a higher revision, where a
prediction of a slower partition changes them. Windows of time that wait for outcomes are judged at the first
evaluation at which coverage reaches `min_coverage` (with 0, the default, when they end), given up as `low_coverage`
when outcomes are due, and judged for the last time, as the next revision, when the wait (`within`) is over; coverage
and delay when outcomes are due, and then. `due` and `within` after a window's end mean the next pane boundary; panes
are as wide as the greatest common divisor of all windows and hops (with a season, and of an hour). Windows of so many
events are judged once.
"#;

const ROOMS: [(&str, &[Basis]); 4] = [
    ("Distribution of a series against its reference", &[Basis::Distribution]),
    ("Quality of a series", &[Basis::Quality]),
    ("Performance over matched pairs", &[Basis::Performance]),
    ("Volume, coverage, delay", &[Basis::Volume, Basis::Coverage, Basis::Delay]),
];

const ESTIMATES: &str = "
## Estimates without outcomes

`{ kind = \"accuracy\", estimated = true }` is what a metric of a binary model is expected to be, given its
probabilities: confidence-based performance estimation (CBPE: NannyML; Bialek et al., arXiv 2401.08348). It is
judged as drift is, at the end of its window, and needs no outcome. These have one: METRICS.

- The reference carries a *calibrator*: isotonic regression of its outcomes on its probabilities, where that lowers
  the expected calibration error over ten stratified splits (a tenth of the rows tested, ten bins of equal numbers);
  else the probabilities as they are. `driftd reference build` makes it of files with both; a learnt reference has
  it once the outcomes of its rows are in. It is a table by code of the grid, under `calibration`.
- A window counts its predictions by code and predicted class. Of n predictions with one code that stands for c,
  n c are expected to be positive: that makes the expected confusion, and every metric follows. Of `roc_auc`,
  predictions with one code count as equal. Predictions without a probability or a predicted class are left out.
- A code on a grid point is exact. One between two points stands for the mean over the reference's rows there; what
  that may be off is in the band. A reference of at most 1,000 distinct probabilities is exact for these.
- *Band* (the line's `interval`): 95 % for what outcomes will make of it. Outcomes are independent with variance
  n c (1 - c), and so were the m reference rows of the code that c was learnt from: n c (1 - c) (1 + n / m).
  Either count of positives (among both predicted classes) is moved by 1.96 deviations; the moves of the metric
  add up as squares.
- `worse_by` compares with the metric itself on the reference.
- Lines have the statistic `accuracy_estimate` and `\"estimated\": true`. Reasons: `no_reference` without a calibrator.

**What it assumes.** Inputs may drift, the concept may not: a probability means what it meant on the reference.
And nothing is asked where the reference had no rows. Then an estimate sees every change of inputs that makes the
questions harder, before any outcome is there. Where the world itself changed, it says that all is well.

So it is held to what came true: `{ kind = \"accuracy\", estimate_error = true }` is the metric minus its estimate
over the same window (time windows only), judged as the metric is, with the band seen from it: an interval without
0 in it says that the estimator was wrong. Levels are `{ above = x, below = -x }`; lines say `accuracy_estimate_error`.

Regressions: a second model, trained by you on the loss of the first one, writes the loss that it expects into the event
(direct loss estimation, DLE: NannyML). `expected_loss = { path = \"...\", of = \"mae\" }` in the predictions names it;
`mae` (or with `of = \"mse\"` `mse` and `rmse`) with `estimated = true` is its mean over the window, with the normal
interval of the mean, and `estimate_error` is what came true minus that.
";

/// The metrics that have an estimate.
fn estimates() -> String {
    let known: Vec<&str> = STATISTICS
        .iter()
        .filter(|k| expectation_of(k) == Some(Expectation::Classes))
        .map(|k| k.name)
        .collect();
    ESTIMATES.replace("METRICS", &known.join(", "))
}

fn worse(kind: &StatisticKind) -> &'static str {
    match kind.direction {
        Direction::Up => "greater",
        Direction::Down => "smaller",
        Direction::None => "either: levels say `above` or `below`",
    }
}

fn tasks(kind: &StatisticKind) -> String {
    let word = |task: &Task| match task {
        Task::Regression => "regression",
        Task::Binary => "binary",
        Task::Multiclass => "multiclass",
    };
    kind.tasks.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn page() -> String {
    let mut text = [HEAD, CHOOSER, BINS, LINE].concat();
    for (title, bases) in ROOMS {
        let kinds = || STATISTICS.iter().filter(|kind| bases.contains(&kind.basis));
        let performance = bases.contains(&Basis::Performance);
        let (column, dashes) = if performance { (" for |", "---|") } else { ("", "") };
        write!(text, "\n## {title}\n\n").unwrap();
        writeln!(text, "| name | range | worse is |{column} best | noise floor |").unwrap();
        writeln!(text, "|---|---|---|{dashes}---|---|").unwrap();
        for kind in kinds() {
            let best = kind.best.map_or("-".to_owned(), |best| best.to_string());
            let floor = if kind.floor { "yes" } else { "no" };
            let task = if performance { format!(" {} |", tasks(kind)) } else { String::new() };
            let (name, range, worse) = (kind.name, kind.range, worse(kind));
            writeln!(text, "| [{name}](#{name}) | {range} | {worse} |{task} {best} | {floor} |")
                .unwrap();
        }
        for kind in kinds() {
            write!(text, "\n### {}\n\n{}.\n", kind.name, capital(kind.summary)).unwrap();
            writeln!(text, "\n- Definition: {}.", kind.definition).unwrap();
            writeln!(text, "- Sees: {}.", kind.sees).unwrap();
            writeln!(text, "- Source: {}.", kind.source).unwrap();
            for option in kind.options {
                let default = match option.default {
                    "" => String::new(),
                    default => format!(", default {default}"),
                };
                let (name, sort, doc) = (option.name, option.kind, option.doc);
                writeln!(text, "- `{name}` ({sort}{default}): {doc}.").unwrap();
            }
        }
    }
    text + &estimates()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

#[test]
fn every_statistic_answers_a_question() {
    for kind in STATISTICS {
        assert!(CHOOSER.contains(&format!("`{}`", kind.name)), "{}: which one?", kind.name);
    }
}

/// Compares the page with the one in the repository; `UPDATE=1` writes it.
#[test]
fn the_page_of_statistics_is_fresh() {
    let (path, text) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/statistics.md"), page());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == text,
        "docs/statistics.md is stale; write it anew: UPDATE=1 cargo test fresh"
    );
}
