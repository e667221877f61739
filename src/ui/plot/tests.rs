//! What a picture must hold whatever the data are.

use proptest::prelude::*;

use super::*;

fn lines(points: Vec<(f64, f64)>) -> Layer {
    Layer {
        name: "series".to_owned(),
        colour: Colour::Blue,
        shape: Shape::Lines {
            lines: vec![points],
            join: Join::Straight,
            stroke: Stroke::Solid,
        },
    }
}

fn plot(x: Axis, y: Axis, layers: Vec<Layer>) -> Plot {
    Plot {
        title: "A title".to_owned(),
        subtitle: String::new(),
        x,
        y,
        layers,
        marks: Vec::new(),
        empty: "nothing was measured yet".to_owned(),
    }
}

fn linear(points: Vec<(f64, f64)>) -> String {
    let (x, y) = (Axis::linear("experiment"), Axis::linear("gain, %"));
    plot(x, y, vec![lines(points)]).svg()
}

fn labels(svg: &str, class: &str) -> Vec<String> {
    let start = format!("<text class=\"{class}\"");
    svg.lines()
        .filter(|it| it.starts_with(&start))
        .filter_map(|it| Some(it.split_once('>')?.1.strip_suffix("</text>")?.to_owned()))
        .collect()
}

fn values_up(low: f64, high: f64, axis: &Axis) -> Vec<String> {
    let measure = Measure::of(axis, Side::Up, vec![low, high]).unwrap();
    measure.ticks.into_iter().map(|it| it.1).collect()
}

#[test]
fn without_data_it_says_so() {
    for points in [vec![], vec![(f64::NAN, 1.0)], vec![(1.0, f64::INFINITY)]] {
        let svg = linear(points);
        assert_eq!(labels(&svg, "said"), ["nothing was measured yet"]);
        assert!(labels(&svg, "tick").is_empty());
    }
}

#[test]
fn one_point_is_a_dot_with_axes_around_it() {
    let svg = linear(vec![(3.0, 0.5)]);
    assert_eq!(svg.matches("<circle").count(), 1);
    assert!(labels(&svg, "tick").len() >= 3, "{svg}");
}

#[test]
fn ticks_are_round_numbers() {
    let axis = Axis::linear("");
    let half = ["0.00", "0.05", "0.10", "0.15", "0.20", "0.25", "0.30"];
    assert_eq!(values_up(0.0, 0.29, &axis), half);
    let wide = ["−2,000", "0", "2,000", "4,000", "6,000", "8,000"];
    assert_eq!(values_up(-1234.5, 7000.5, &axis), wide);
    assert_eq!(values_up(1.0, 3.0, &axis), ["1", "2", "3"]);
}

#[test]
fn a_log_axis_has_powers_of_ten_and_few_of_them() {
    let axis = Axis::log("");
    let small = ["0.01", "0.1", "1", "10", "100", "1,000"];
    assert_eq!(values_up(0.02, 150.0, &axis), small);
    assert_eq!(values_up(3.0, 30.0, &axis), ["2", "5", "10", "20", "50"]);
    let far = values_up(1e-40, 1e40, &axis);
    assert!(far.len() <= 9, "{far:?}");
    assert!(far.contains(&"10⁻⁹".to_owned()), "{far:?}");
    let svg = plot(
        Axis::linear(""),
        Axis::log(""),
        vec![lines(vec![(1.0, 0.0), (2.0, -1.0)])],
    );
    assert_eq!(labels(&svg.svg(), "said").len(), 1);
}

#[test]
fn labels_of_marks_that_are_near_stay_apart() {
    let mut it = plot(
        Axis::linear(""),
        Axis::linear(""),
        vec![lines(vec![(0.0, 0.0), (1.0, 100.0)])],
    );
    it.marks = [50.0, 50.1, 50.2]
        .map(|y| Mark {
            y,
            label: format!("mark {y}"),
        })
        .to_vec();
    let svg = it.svg();
    let heights: Vec<f64> = svg
        .lines()
        .filter(|it| it.contains("mark 5"))
        .filter_map(|it| it.split("y=\"").nth(1)?.split('"').next()?.parse().ok())
        .collect();
    assert_eq!(heights.len(), 3);
    assert!(
        heights
            .windows(2)
            .all(|it| (it[0] - it[1]).abs() >= LABEL_GAP - 0.2),
        "{heights:?}"
    );
}

#[test]
fn names_cannot_become_markup() {
    let mut it = plot(
        Axis::linear("<b>&"),
        Axis::linear(""),
        vec![lines(vec![(0.0, 1.0)])],
    );
    it.title = "\"</title><script>\u{1b}".to_owned();
    let svg = it.svg();
    assert!(!svg.contains("<script"), "{svg}");
    assert!(svg.contains("&lt;b&gt;&amp;"));
    assert!(!svg.contains('\u{1b}'));
}

#[test]
fn a_hundred_thousand_points_keep_their_extremes_and_little_more() {
    let mut points: Vec<(f64, f64)> = (0..100_000).map(|it| (f64::from(it), 0.0)).collect();
    points[77_777].1 = 9.0;
    let svg = linear(points);
    assert!(svg.len() < 60_000, "{}", svg.len());
    let top = linear(vec![(0.0, 0.0), (1.0, 9.0)]);
    let height = |svg: &str| {
        let path = svg.lines().find(|it| it.starts_with("<path")).unwrap();
        let corners = path
            .split(['M', 'L', '"'])
            .filter_map(|it| it.split_once(' '));
        let heights = corners.filter_map(|it| it.1.parse::<f64>().ok());
        heights.fold(f64::INFINITY, f64::min)
    };
    assert!((height(&svg) - height(&top)).abs() < 0.2);
}

#[test]
fn bars_beyond_those_that_fit_are_one_bar() {
    let rows = (0..40).map(|idx| Bar {
        name: format!("row {idx} with a name that is far too long for its place"),
        parts: vec![f64::from(idx), f64::NAN],
        total: idx.to_string(),
    });
    let bars = Bars {
        title: "Where evaluations went".to_owned(),
        subtitle: String::new(),
        label: "evaluations".to_owned(),
        parts: vec![
            ("kept".to_owned(), Colour::Green),
            ("reverted".to_owned(), Colour::Red),
        ],
        rows: rows.collect(),
        empty: "none".to_owned(),
    };
    let svg = bars.svg();
    assert!(svg.contains(">27 more</text>"), "{svg}");
    let nothing = Bars {
        rows: Vec::new(),
        ..bars
    };
    assert_eq!(labels(&nothing.svg(), "said"), ["none"]);
}

proptest! {
    #[test]
    fn any_numbers_give_a_picture_with_its_places_on_the_sheet(
        points in prop::collection::vec((any::<f64>(), any::<f64>()), 0..40),
        is_log: bool,
    ) {
        let y = if is_log { Axis::log("y") } else { Axis::linear("y") };
        let band = points.iter().map(|(x, y)| (*x, *y, y * 2.0)).collect();
        let layers = vec![
            lines(points.clone()),
            Layer { name: String::new(), colour: Colour::Red, shape: Shape::Band { points: band, join: Join::Stepped } },
            Layer { name: "dots".to_owned(), colour: Colour::Green, shape: Shape::Dots { points } },
        ];
        let svg = plot(Axis::linear("x"), y, layers).svg();
        prop_assert!(svg.ends_with("</svg>\n"));
        prop_assert!(!svg.contains("NaN") && !svg.contains("inf"));
        for line in svg.lines().filter(|it| it.starts_with("<circle")) {
            let place = |name: &str| -> f64 { line.split(name).nth(1).unwrap().split('"').next().unwrap().parse().unwrap() };
            let (x, y) = (place("cx=\""), place("cy=\""));
            prop_assert!((0.0..=800.0).contains(&x) && (0.0..=450.0).contains(&y), "{line}");
        }
    }
}
