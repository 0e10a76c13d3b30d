//! The plot, in plain SVG.

use std::fmt::Write;

use crate::MOST;
use crate::calibrate::Calibrated;
use crate::contender::KINDS;
use crate::scene::{Change, SCENES};

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 470.0;
/// Where the axes lie.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 640.0;
const TOP: f64 = 76.0;
const BOTTOM: f64 = 400.0;
/// Height at which changes lie that are not seen.
const UNSEEN: f64 = 48.0;
/// Okabe and Ito's palette: told apart with any colour vision.
const COLOURS: [&str; 5] = ["#0072B2", "#56B4E9", "#D55E00", "#009E73", "#CC79A7"];

fn x(scene: usize) -> f64 {
    LEFT + (RIGHT - LEFT) * (scene as f64 + 0.5) / SCENES.len() as f64
}

/// On a logarithmic scale from 1 hour.
fn y(delay: Option<usize>) -> f64 {
    delay.map_or(UNSEEN, |hours| BOTTOM - (BOTTOM - TOP) * (hours as f64).ln() / (MOST as f64).ln())
}

fn mark(contender: usize, x: f64, y: f64) -> String {
    let colour = COLOURS[contender];
    match contender {
        0 | 1 => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"{colour}\"/>\n"),
        2 => format!(
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"9\" height=\"9\" fill=\"{colour}\"/>\n",
            x - 4.5,
            y - 4.5
        ),
        _ => format!("<path d=\"M{x:.1} {:.1}l5.5 10h-11z\" fill=\"{colour}\"/>\n", y - 6.0),
    }
}

fn axes(svg: &mut String) {
    let line = |y: f64| {
        format!(
            "<line x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>\n"
        )
    };
    let ticks =
        [1, 2, 5, 10, 20, 50, 100, 200, 500].map(|hours| (hours.to_string(), y(Some(hours))));
    for (label, y) in ticks.into_iter().chain([("not seen".to_owned(), UNSEEN)]) {
        *svg += &line(y);
        *svg += &format!(
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\n",
            LEFT - 8.0,
            y + 4.0
        );
    }
    for (scene, place) in SCENES.iter().zip(0..) {
        let (x, (first, rest)) = (x(place), scene.name);
        *svg += &format!(
            "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{first}<tspan x=\"{x:.1}\" dy=\"16\">{rest}</tspan></text>\n",
            BOTTOM + 22.0
        );
    }
}

/// Rows in the order of the contenders: calibrated, delays by scene.
pub fn plot(rows: &[(Vec<Calibrated>, Vec<Option<usize>>)]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
         height=\"{HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#333\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">Hours until a change is seen, at one false alarm in 90 days (median of 31 runs)</text>\n"
    );
    axes(&mut svg);
    for (contender, (_, delays)) in rows.iter().enumerate() {
        // Side by side, so that none hides another.
        let aside = (contender as f64 - 2.0) * 9.0;
        let points: Vec<(f64, f64)> =
            delays.iter().enumerate().map(|(scene, delay)| (x(scene) + aside, y(*delay))).collect();
        let shifts = SCENES.iter().filter(|scene| matches!(scene.change, Change::Shift(_))).count();
        let way: Vec<String> =
            points[..shifts].iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let colour = COLOURS[contender];
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" opacity=\"0.6\"/>",
            way.join(" ")
        );
        points.iter().for_each(|(x, y)| svg += &mark(contender, *x, *y));
        let (x, y) = (RIGHT + 24.0, TOP + 26.0 * contender as f64);
        svg += &mark(contender, x, y);
        svg += &format!(
            "<text x=\"{}\" y=\"{}\">{}</text>\n",
            x + 12.0,
            y + 4.0,
            KINDS[contender].name
        );
    }
    svg + "</svg>\n"
}
