//! Many seeds on a few threads: each simulation stays on one thread, results come in the order of seeds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Runs `job` for every seed on at most `threads` threads. Results are in the order of `seeds`, whatever
/// the number of threads.
pub fn in_parallel<R: Send>(
    seeds: &[u64],
    threads: usize,
    job: impl Fn(u64) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(seeds.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, seeds.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(seed) = seeds.get(place) else { return };
                    let result = job(*seed);
                    // A job that panicked holds no lock, so what is in there is whole.
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((place, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

/// As many threads as the machine offers.
#[must_use]
pub fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_seeds_on_any_number_of_threads() {
        let seeds: Vec<u64> = (0..50).rev().collect();
        for threads in [1, 2, 7, 100] {
            assert_eq!(in_parallel(&seeds, threads, |seed| seed), seeds);
        }
        assert!(in_parallel(&[], 2, |seed| seed).is_empty());
    }
}
