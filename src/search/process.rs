//! A Gaussian process: what the results so far say about places that were not tried.
//!
//! C. Rasmussen, C. Williams, "Gaussian Processes for Machine Learning" (2006), chapters 2 and 5; the
//! covariance is Matérn 5/2 with a length for each coordinate, and the parameters are the maximum of the
//! posterior under broad priors.

use super::matrix::Cholesky;
use crate::stats::numeric::count;

/// Steps of the ascent to the best parameters.
const STEPS: usize = 60;
/// Added to the diagonal, in units of the signal's variance.
const JITTER: f64 = 1e-8;
/// Priors on logarithms: mean and standard deviation of lengths, signal and noise variance.
const LENGTH: (f64, f64) = (-0.7, 0.9);
const SIGNAL: (f64, f64) = (0.0, 1.0);
const NOISE: (f64, f64) = (-5.0, 2.0);

/// The logarithms of the parameters.
#[derive(Clone, Debug)]
struct Parameters {
    lengths: Vec<f64>,
    signal: f64,
    noise: f64,
}

/// A process fitted to results.
#[derive(Clone)]
pub(super) struct Process {
    places: Vec<Vec<f64>>,
    parameters: Parameters,
    factor: Cholesky,
    weights: Vec<f64>,
}

/// What is expected at a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forecast {
    pub(super) mean: f64,
    pub(super) deviation: f64,
}

impl Process {
    /// Fits to results at places of the unit cube; `None` without results or where arithmetic fails.
    pub(super) fn fit(places: &[Vec<f64>], results: &[f64]) -> Option<Self> {
        let width = places.first()?.len();
        let mut parameters = Parameters {
            // Distances grow with the number of coordinates, and lengths with them.
            lengths: vec![LENGTH.0 + 0.5 * count(width.max(1)).ln(); width],
            signal: SIGNAL.0,
            noise: NOISE.0,
        };
        let anchor = parameters.clone();
        let squares = squares(places);
        let mut ascent = Ascent::new(width + 2);
        for _ in 0..STEPS {
            let Some(slope) = slope(&parameters, &anchor, &squares, results) else {
                break;
            };
            ascent.step(&mut parameters, &slope);
        }
        Self::with(places, results, parameters)
    }

    fn with(places: &[Vec<f64>], results: &[f64], parameters: Parameters) -> Option<Self> {
        let n = places.len();
        let diagonal = parameters.noise.exp() + JITTER * parameters.signal.exp();
        let factor = Cholesky::of(n, |i, j| {
            let noise = if i == j { diagonal } else { 0.0 };
            parameters.covariance(&places[i], &places[j]) + noise
        })?;
        let weights = factor.solve(results);
        Some(Self {
            places: places.to_vec(),
            parameters,
            factor,
            weights,
        })
    }

    /// Returns the process with results that are still awaited taken for what is expected of them.
    pub(super) fn imagining(&self, pending: &[Vec<f64>], results: &[f64]) -> Self {
        if pending.is_empty() {
            return self.clone();
        }
        let mut places = self.places.clone();
        let mut all = results.to_vec();
        for place in pending {
            all.push(self.forecast(place).mean);
            places.push(place.clone());
        }
        Self::with(&places, &all, self.parameters.clone()).unwrap_or_else(|| self.clone())
    }

    /// Returns what is expected at a place, without the noise of a measurement.
    pub(super) fn forecast(&self, place: &[f64]) -> Forecast {
        let towards: Vec<f64> = self
            .places
            .iter()
            .map(|it| self.parameters.covariance(it, place))
            .collect();
        let mean = dot(&towards, &self.weights);
        let known = self.factor.forward(&towards);
        let variance = self.parameters.signal.exp() - dot(&known, &known);
        Forecast {
            mean,
            deviation: variance.max(0.0).sqrt(),
        }
    }

    /// Returns how far each coordinate reaches.
    pub(super) fn lengths(&self) -> Vec<f64> {
        self.parameters.lengths.iter().map(|it| it.exp()).collect()
    }
}

impl Parameters {
    fn covariance(&self, a: &[f64], b: &[f64]) -> f64 {
        let squared: f64 = a
            .iter()
            .zip(b)
            .zip(&self.lengths)
            .map(|((a, b), length)| ((a - b) * (-length).exp()).powi(2))
            .sum();
        let r = (5.0 * squared).sqrt();
        self.signal.exp() * (1.0 + r + r * r / 3.0) * (-r).exp()
    }

    fn all(&mut self) -> impl Iterator<Item = &mut f64> {
        let rest = [&mut self.signal, &mut self.noise];
        self.lengths.iter_mut().chain(rest)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Squared differences of every pair of places, coordinate by coordinate.
fn squares(places: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut all = Vec::with_capacity(places.len() * places.len() / 2);
    for (i, a) in places.iter().enumerate() {
        for b in &places[..i] {
            all.push(a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).collect());
        }
    }
    all
}

/// Returns the slope of the log posterior in each parameter (Rasmussen & Williams, equation 5.9).
fn slope(
    parameters: &Parameters,
    anchor: &Parameters,
    squares: &[Vec<f64>],
    results: &[f64],
) -> Option<Vec<f64>> {
    let n = results.len();
    let signal = parameters.signal.exp();
    let noise = parameters.noise.exp();
    let scales: Vec<f64> = parameters
        .lengths
        .iter()
        .map(|it| (-2.0 * it).exp())
        .collect();
    let at = |i: usize, j: usize| i * (i - 1) / 2 + j;
    let distances: Vec<f64> = squares
        .iter()
        .map(|it| (5.0 * dot(it, &scales)).sqrt())
        .collect();
    let matern = |r: f64| signal * (1.0 + r + r * r / 3.0) * (-r).exp();
    let factor = Cholesky::of(n, |i, j| match i.cmp(&j) {
        std::cmp::Ordering::Equal => signal * (1.0 + JITTER) + noise,
        _ => matern(distances[at(i.max(j), i.min(j))]),
    })?;
    let weights = factor.solve(results);
    let inverse = factor.inverse();
    let mut slope = vec![0.0; scales.len() + 2];
    let (of_signal, of_noise) = (scales.len(), scales.len() + 1);
    for i in 0..n {
        let own = weights[i] * weights[i] - inverse[i * n + i];
        slope[of_signal] += 0.5 * own * signal;
        slope[of_noise] += 0.5 * own * noise;
        for j in 0..i {
            // Each pair stands for two entries of the matrix.
            let pull = weights[i] * weights[j] - inverse[i * n + j];
            let r = distances[at(i, j)];
            slope[of_signal] += pull * matern(r);
            let steep = pull * signal * (5.0 / 3.0) * (1.0 + r) * (-r).exp();
            for ((slope, square), scale) in slope.iter_mut().zip(&squares[at(i, j)]).zip(&scales) {
                *slope += steep * square * scale;
            }
        }
    }
    let towards = |value: f64, mean: f64, deviation: f64| (mean - value) / (deviation * deviation);
    for (idx, length) in parameters.lengths.iter().enumerate() {
        slope[idx] += towards(*length, anchor.lengths[idx], LENGTH.1);
    }
    slope[of_signal] += towards(parameters.signal, SIGNAL.0, SIGNAL.1);
    slope[of_noise] += towards(parameters.noise, NOISE.0, NOISE.1);
    slope.iter().all(|it| it.is_finite()).then_some(slope)
}

/// Ascent whose steps grow while the slope keeps its sign and shrink where it turns (Rprop).
struct Ascent {
    steps: Vec<f64>,
    last: Vec<f64>,
}

impl Ascent {
    fn new(width: usize) -> Self {
        Self {
            steps: vec![0.1; width],
            last: vec![0.0; width],
        }
    }

    fn step(&mut self, parameters: &mut Parameters, slope: &[f64]) {
        let state = self.steps.iter_mut().zip(&mut self.last);
        for ((value, (step, last)), slope) in parameters.all().zip(state).zip(slope) {
            let turned = *last * slope;
            if turned > 0.0 {
                *step = (*step * 1.2).min(0.5);
            } else if turned < 0.0 {
                *step = (*step * 0.5).max(1e-4);
            }
            *value = (*value + slope.signum() * *step).clamp(-12.0, 6.0);
            *last = *slope;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> (Vec<Vec<f64>>, Vec<f64>) {
        let places: Vec<Vec<f64>> = (0..9).map(|it| vec![f64::from(it) / 8.0]).collect();
        let results = places.iter().map(|it| (6.0 * it[0]).sin()).collect();
        (places, results)
    }

    #[test]
    fn a_smooth_function_is_foretold_between_its_points() {
        let (places, results) = line();
        let process = Process::fit(&places, &results).unwrap();
        for at in [0.19, 0.44, 0.81] {
            let forecast = process.forecast(&[at]);
            assert!((forecast.mean - (6.0 * at).sin()).abs() < 0.05, "{at}");
        }
        let (near, far) = (process.forecast(&[0.5]), process.forecast(&[2.0]));
        assert!(near.deviation < far.deviation);
    }

    #[test]
    fn what_is_awaited_is_taken_for_known() {
        let (places, results) = line();
        let process = Process::fit(&places, &results).unwrap();
        let before = process.forecast(&[1.6]).deviation;
        let process = process.imagining(&[vec![1.6]], &results);
        assert!(process.forecast(&[1.6]).deviation < before);
    }

    #[test]
    fn the_slope_is_that_of_the_posterior() {
        let (places, results) = line();
        let squares = squares(&places);
        let start = Parameters {
            lengths: vec![-1.0],
            signal: 0.2,
            noise: -3.0,
        };
        let slope = slope(&start, &start, &squares, &results).unwrap();
        let likelihood = |parameters: Parameters| {
            let process = Process::with(&places, &results, parameters).unwrap();
            -0.5 * dot(&results, &process.weights) - 0.5 * process.factor.ln_determinant()
        };
        let step = 1e-5;
        for (idx, slope) in slope.iter().take(2).enumerate() {
            let (mut up, mut down) = (start.clone(), start.clone());
            *up.all().nth(idx).unwrap() += step;
            *down.all().nth(idx).unwrap() -= step;
            let prior = if idx == 1 { -0.2 } else { 0.0 };
            let expected = (likelihood(up) - likelihood(down)) / (2.0 * step) + prior;
            assert!((slope - expected).abs() < 1e-3, "{idx}: {slope} {expected}");
        }
    }
}
