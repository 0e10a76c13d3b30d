//! The draws of numpy's `RandomState`, for inputs that their authors give by its seed: MT19937
//! (Matsumoto & Nishimura, ACM Transactions on Modeling and Computer Simulation 8, 1998), normal
//! values by the polar method (Marsaglia & Bray, SIAM Review 6, 1964).

const SIZE: usize = 624;
/// The word that is mixed into each lies so far ahead of it.
const AHEAD: usize = 397;

pub(super) struct RandomState {
    words: [u32; SIZE],
    next: usize,
    /// The polar method makes two values at a time.
    kept: Option<f64>,
}

impl RandomState {
    pub fn new(seed: u32) -> RandomState {
        let mut words = [seed; SIZE];
        for i in 1..SIZE {
            let before = words[i - 1];
            words[i] = (before ^ (before >> 30)).wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        RandomState { words, next: SIZE, kept: None }
    }

    fn renew(&mut self) {
        for i in 0..SIZE {
            let joined = (self.words[i] & 0x8000_0000) | (self.words[(i + 1) % SIZE] & 0x7fff_ffff);
            let twist = if joined % 2 == 1 { 0x9908_b0df } else { 0 };
            self.words[i] = self.words[(i + AHEAD) % SIZE] ^ (joined >> 1) ^ twist;
        }
        self.next = 0;
    }

    fn word(&mut self) -> u32 {
        if self.next == SIZE {
            self.renew();
        }
        let mut word = self.words[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    /// From 0 to 1, of 53 bits.
    fn unit(&mut self) -> f64 {
        let (high, low) = (self.word() >> 5, self.word() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    fn standard_normal(&mut self) -> f64 {
        if let Some(kept) = self.kept.take() {
            return kept;
        }
        loop {
            let (x, y) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let factor = (-2.0 * square.ln() / square).sqrt();
                self.kept = Some(factor * x);
                return factor * y;
            }
        }
    }

    /// As `normal(mean, deviation, n)`.
    pub fn normal(&mut self, mean: f64, deviation: f64, n: usize) -> Vec<f64> {
        (0..n).map(|_| mean + deviation * self.standard_normal()).collect()
    }

    /// As `choice(of, n)`.
    pub fn choice<T: Copy>(&mut self, of: &[T], n: usize) -> Vec<T> {
        let mask = of.len().next_power_of_two() as u32 - 1;
        let mut place = || loop {
            let place = (self.word() & mask) as usize;
            if place < of.len() {
                return of[place];
            }
        };
        (0..n).map(|_| place()).collect()
    }
}

/// The first values that numpy 2.4.6 prints for `RandomState(31).normal(size=4)`, and what
/// `numpy.unique` counts in two choices of seed 1.
#[test]
fn draws_are_numpys() {
    let values = RandomState::new(31).normal(0.0, 1.0, 4);
    let want = [-0.41475721, -0.33336867, 0.08109199, -0.79102695];
    assert!(values.iter().zip(want).all(|(got, want)| (got - want).abs() < 5e-9), "{values:?}");
    let mut random = RandomState::new(1);
    let (six, three) =
        (random.choice(&[0, 1, 2, 3, 4, 5], 10_000), random.choice(&[0, 1, 2], 1_000));
    let counts = |chosen: &[usize], n: usize| -> Vec<usize> {
        (0..n).map(|i| chosen.iter().filter(|x| **x == i).count()).collect()
    };
    assert_eq!(counts(&six, 6), [1648, 1609, 1693, 1679, 1635, 1736]);
    assert_eq!(counts(&three, 3), [375, 309, 316]);
}
