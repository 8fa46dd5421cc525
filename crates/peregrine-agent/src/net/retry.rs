//! When to try again after a server could not be reached.

use crate::random::random_below;
use peregrine_wire::config::ClientConfig;
use std::time::Duration;

/// Counts consecutive failures: the first waits are short, because most servers are back in a moment.
#[derive(Debug, Default)]
pub struct Retry(u32);

impl Retry {
    /// Resets the count after a success.
    pub fn reset(&mut self) {
        self.0 = 0;
    }

    /// The wait after another failure: about 1, 2, 4, … seconds (each ± 50 %) up to `max_poll`, and from then
    /// on slightly more than `max_poll`. This keeps a fleet that lost its server from coming back all at
    /// once.
    pub fn after_failure(&mut self, config: &ClientConfig) -> Duration {
        let seconds = 1_u64.checked_shl(self.0).unwrap_or(u64::MAX);
        if seconds >= config.max_poll {
            return Duration::from_secs(config.max_poll)
                + Duration::from_millis(random_below(config.max_poll_std.saturating_mul(1000)));
        }
        self.0 += 1;
        Duration::from_millis(seconds * 500 + random_below(seconds * 1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_a_second_to_the_longest_poll() {
        let config = ClientConfig {
            max_poll: 60,
            max_poll_std: 30,
            ..ClientConfig::default()
        };
        let mut retry = Retry::default();
        let waits: Vec<f32> = (0..12)
            .map(|_| retry.after_failure(&config).as_secs_f32())
            .collect();
        for (wait, seconds) in waits.iter().zip([1.0, 2.0, 4.0, 8.0, 16.0, 32.0]) {
            assert!((seconds * 0.5..seconds * 1.5).contains(wait), "{waits:?}");
        }
        assert!(
            waits[6..].iter().all(|wait| (60.0..90.0).contains(wait)),
            "{waits:?}"
        );
        retry.reset();
        assert!(retry.after_failure(&config).as_secs_f32() < 1.5);
        let never = ClientConfig {
            max_poll: 0,
            max_poll_std: 0,
            ..config
        };
        assert_eq!(retry.after_failure(&never), Duration::ZERO);
    }
}
