//! Streams that do not change, looked at again and again.

use std::sync::Arc;

use driftd::detect::{DETECTORS, Detector, Memory, Observation, Severity, Step};
use driftd::event::Span;
use driftd::stats::{Counts, Params};
use serde_json::{Value, json};

use crate::sample::{Random, Reference, build, judge};

fn e_detector(options: Value) -> Arc<dyn Detector> {
    let kind = DETECTORS.iter().find(|kind| kind.name == "e-detector").unwrap();
    let statistic = build("psi", json!({}));
    let mut params = Params::new(options.as_object().unwrap().clone());
    (kind.build)(&mut params, statistic.as_ref()).unwrap()
}

struct Stream {
    reference: Reference,
    detector: Arc<dyn Detector>,
    memory: Memory,
    every: Span,
}

impl Stream {
    fn new(reference: Reference, every: Span, options: Value) -> Stream {
        Stream { reference, detector: e_detector(options), memory: Memory::default(), every }
    }

    fn alarms(&mut self, events: &Counts) -> bool {
        let step = Step { pair: Some(self.reference.pair(events)), ..Step::default() };
        let seen = Observation { every: self.every, step, ..Observation::of(0.0) };
        let reading = self.detector.read(&seen, &mut self.memory).unwrap();
        reading.beyond == Some(Severity::Critical)
    }
}

/// A day of 288 looks at the last 2,000 events, 100 of them new.
#[test]
fn looking_often_costs_nothing() {
    let mut random = Random(11);
    let ks = build("ks", json!({}));
    let (mut theirs, mut ours, days) = (0, 0, 12);
    for _ in 0..days {
        let rows = random.normals(12_000, 0.0);
        let every = Span::from_secs(300);
        let mut stream = Stream::new(Reference::of(&rows), every, json!({ "tolerance": 0 }));
        let mut events = random.normals(2_000, 0.0);
        let (mut peeked, mut alarmed) = (false, false);
        for _ in 0..288 {
            let new = random.normals(100, 0.0);
            events.drain(..100);
            events.extend(&new);
            peeked |= judge(ks.as_ref(), &stream.reference, &events).p.unwrap() < 0.05;
            alarmed |= stream.alarms(&stream.reference.count(&new));
        }
        theirs += u32::from(peeked);
        ours += u32::from(alarmed);
    }
    assert!(theirs >= days / 2, "{theirs} of {days} days: no defect to see");
    assert_eq!(ours, 0, "of {days} days, at one false alarm in 90");
}

/// Of a thousand rows, each reference for itself: the sampling error is in the promise.
#[test]
fn an_unlucky_reference_keeps_the_promise() {
    let mut random = Random(12);
    let (stated, looks) = (100, 400);
    let mut rates = Vec::new();
    for _ in 0..40 {
        let reference = Reference::of(&random.normals(1_000, 0.0));
        let options = json!({ "tolerance": 0, "false_alarm_every": "100h" });
        let mut stream = Stream::new(reference, Span::from_secs(3_600), options);
        let mut alarms = 0;
        let (mut beyond, mut firing) = (0, false);
        let level = 1.358 * (1.0f64 / 1_000.0 + 1.0 / 2_000.0).sqrt();
        for look in 0..looks {
            let new = stream.reference.count(&random.normals(200, 0.0));
            let fires = stream.alarms(&new);
            alarms += u32::from(fires && !firing);
            firing = fires;
            if look % 20 == 0 {
                let window = random.normals(2_000, 0.0);
                let judged = judge(build("ks", json!({})).as_ref(), &stream.reference, &window);
                beyond += u32::from(judged.score.value > level);
            }
        }
        rates.push((beyond, alarms));
    }
    let worst = rates.iter().map(|(beyond, _)| *beyond).max().unwrap();
    let best = rates.iter().map(|(beyond, _)| *beyond).min().unwrap();
    assert!(
        best == 0 && worst >= 4,
        "looks beyond 5 %, of 20: {best} to {worst}: no defect to see"
    );
    // One reference in a hundred may fail; those of these seeds do not.
    let most = rates.iter().map(|(_, alarms)| *alarms).max().unwrap();
    assert!(most <= looks / stated, "{rates:?}");
}

/// Bytes that counts take up.
fn held(counts: &Counts) -> usize {
    let Counts { cells, counted: _, absences: _, type_errors: _ } = counts;
    size_of::<Counts>() + cells.capacity() * size_of::<u64>()
}

/// Ten panes at a time, of ten events each or of a hundred thousand.
#[test]
fn a_window_costs_the_same_whatever_it_holds() {
    let mut random = Random(13);
    let reference = Reference::of(&random.normals(5_000, 0.0));
    let mut slide = |each: usize| {
        let panes: Vec<Counts> =
            (0..11).map(|_| reference.count(&random.normals(each, 0.0))).collect();
        let [mut window, mut last] = [(); 2].map(|()| Counts::new(reference.profile.cells()));
        panes[..10].iter().for_each(|pane| window.add(pane));
        window.add(&panes[10]);
        window.subtract(&panes[0]);
        panes[1..].iter().for_each(|pane| last.add(pane));
        assert_eq!(window, last, "what has left the window has left no trace");
        window
    };
    let (few, many) = (slide(10), slide(100_000));
    assert_eq!((few.counted, many.counted), (100, 1_000_000));
    assert_eq!(held(&few), held(&many));
    assert!(held(&many) < 10_000, "{} bytes for a million events", held(&many));
}

#[test]
fn a_detector_keeps_no_events() {
    let mut random = Random(14);
    let reference = Reference::of(&random.normals(5_000, 0.0));
    let mut stream = Stream::new(reference, Span::from_secs(3_600), json!({}));
    let mut sizes = Vec::new();
    for step in 1..=2_000 {
        let new = stream.reference.count(&random.normals(50, 0.0));
        stream.alarms(&new);
        if step % 500 == 0 {
            sizes.push(serde_json::to_string(&stream.memory).unwrap().len());
        }
    }
    // A hundred thousand events in a few numbers per bin; they may have one digit more or less.
    assert!(sizes.iter().all(|size| size.abs_diff(sizes[0]) < sizes[0] / 10), "{sizes:?}");
    assert!(sizes[0] < 10_000, "{sizes:?}");
}
