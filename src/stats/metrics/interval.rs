//! 95 % intervals.

/// The 97.5 % point of the normal law.
pub(in crate::stats) const Z: f64 = 1.959_963_984_540_054;

/// Wilson's score interval of a share: Wilson, Journal of the American Statistical Association 22,
/// 1927. It stays within 0 and 1 and holds at small counts.
pub(super) fn wilson(hits: i64, n: i64) -> Option<(f64, f64)> {
    if n <= 0 {
        return None;
    }
    let (n, share) = (n as f64, hits as f64 / n as f64);
    let square = Z * Z / n;
    let middle = (share + square / 2.0) / (1.0 + square);
    let half = Z * ((share * (1.0 - share) + square / 4.0) / n).sqrt() / (1.0 + square);
    // Rounding must not part the interval from a share of 0 or 1.
    let low = if share == 0.0 { 0.0 } else { (middle - half).max(0.0) };
    let high = if share == 1.0 { 1.0 } else { (middle + half).min(1.0) };
    Some((low, high))
}

/// The normal interval of a mean, out of the sum and the sum of squares of n terms.
pub(super) fn normal(sum: f64, squares: f64, n: i64) -> Option<(f64, f64)> {
    if n < 2 {
        return None;
    }
    let count = n as f64;
    let mean = sum / count;
    let variance = ((squares - sum * mean) / (count - 1.0)).max(0.0);
    let half = Z * (variance / count).sqrt();
    Some((mean - half, mean + half))
}
