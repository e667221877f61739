//! Symmetric positive definite systems, as small as a search needs them.

/// A lower triangular factor `L` with `L Lᵀ = A`, stored by rows.
#[derive(Clone)]
pub(super) struct Cholesky {
    n: usize,
    rows: Vec<f64>,
}

impl Cholesky {
    /// Factors a matrix given by its entries; `None` if it is not positive definite.
    pub(super) fn of(n: usize, entry: impl Fn(usize, usize) -> f64) -> Option<Self> {
        let mut rows = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let (of_i, of_j) = (&rows[i * n..i * n + j], &rows[j * n..j * n + j]);
                let known: f64 = of_i.iter().zip(of_j).map(|(a, b)| a * b).sum();
                let left = entry(i, j) - known;
                if i == j {
                    if left.is_nan() || left <= 0.0 {
                        return None;
                    }
                    rows[i * n + i] = left.sqrt();
                } else {
                    rows[i * n + j] = left / rows[j * n + j];
                }
            }
        }
        Some(Self { n, rows })
    }

    /// Solves `L x = b`.
    pub(super) fn forward(&self, b: &[f64]) -> Vec<f64> {
        let mut x = Vec::with_capacity(self.n);
        for i in 0..self.n {
            let row = &self.rows[i * self.n..=i * self.n + i];
            let known: f64 = row.iter().zip(&x).map(|(a, b)| a * b).sum();
            x.push((b[i] - known) / row[i]);
        }
        x
    }

    /// Solves `Lᵀ x = b`.
    fn backward(&self, b: &[f64]) -> Vec<f64> {
        let mut x = b.to_vec();
        for i in (0..self.n).rev() {
            x[i] /= self.rows[i * self.n + i];
            let solved = x[i];
            for (j, value) in x[..i].iter_mut().enumerate() {
                *value -= self.rows[i * self.n + j] * solved;
            }
        }
        x
    }

    /// Solves `A x = b`.
    pub(super) fn solve(&self, b: &[f64]) -> Vec<f64> {
        self.backward(&self.forward(b))
    }

    /// Returns `ln det A`.
    #[cfg(test)]
    pub(super) fn ln_determinant(&self) -> f64 {
        let diagonal = (0..self.n).map(|i| self.rows[i * self.n + i].ln());
        2.0 * diagonal.sum::<f64>()
    }

    /// Returns the inverse of `A`, by rows.
    pub(super) fn inverse(&self) -> Vec<f64> {
        let mut inverse = vec![0.0; self.n * self.n];
        let mut unit = vec![0.0; self.n];
        for i in 0..self.n {
            unit[i] = 1.0;
            inverse[i * self.n..(i + 1) * self.n].copy_from_slice(&self.solve(&unit));
            unit[i] = 0.0;
        }
        inverse
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [[f64; 3]; 3] = [[4.0, 2.0, 0.6], [2.0, 5.0, 1.0], [0.6, 1.0, 3.0]];

    #[test]
    fn a_system_is_solved_and_inverted() {
        let factor = Cholesky::of(3, |i, j| A[i][j]).unwrap();
        let x = factor.solve(&[1.0, 2.0, 3.0]);
        for (row, expected) in A.iter().zip([1.0, 2.0, 3.0]) {
            let found: f64 = row.iter().zip(&x).map(|(a, b)| a * b).sum();
            assert!((found - expected).abs() < 1e-12);
        }
        let inverse = factor.inverse();
        let identity: f64 = (0..3).map(|k| A[0][k] * inverse[k * 3]).sum();
        assert!((identity - 1.0).abs() < 1e-12);
        // By cofactors along the first row.
        let determinant = 4.0 * (15.0 - 1.0) - 2.0 * (6.0 - 0.6) + 0.6 * (2.0 - 3.0);
        assert!((factor.ln_determinant() - f64::ln(determinant)).abs() < 1e-12);
    }

    #[test]
    fn what_is_not_positive_definite_is_refused() {
        assert!(Cholesky::of(2, |i, j| if i == j { 1.0 } else { 2.0 }).is_none());
        assert!(Cholesky::of(1, |_, _| f64::NAN).is_none());
    }
}
