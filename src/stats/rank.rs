//! Which of n ordered values a quantile is.

/// The rank, from 1 to `n`, of the first value that a share of `place` / `n` does not exceed:
/// `place` rounded up, but for what a product of two floats is off by.
pub(super) fn rank(place: f64, n: i64) -> i64 {
    const OFF: f64 = 4.0 * f64::EPSILON;
    ((place * (1.0 - OFF)).ceil() as i64).clamp(1, n)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole numbers of hundredths, of which floats make 55.000000000000007 and the like.
    #[test]
    fn shares_that_are_no_floats_are_ranked_as_written() {
        for n in [100, 1_000, 100_000] {
            for hundredths in 1..=100 {
                let q: f64 = format!("0.{hundredths:02}").replace("0.100", "1.0").parse().unwrap();
                assert_eq!(rank(q * n as f64, n), hundredths * n / 100, "{q} of {n}");
            }
        }
        assert_eq!((rank(0.0, 7), rank(3.1, 7), rank(9.0, 7)), (1, 4, 7));
    }
}
