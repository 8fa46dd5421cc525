//! Limits the CPU and disk use of queries, and raises an alarm for queries that make no progress.
//!
//! One thread samples the whole process, and only while a query needs it. The averages are those of the
//! process, so a query without limits can starve one that has limits.

use crate::work::usage::Usage;
use parking_lot::Mutex;
use peregrine_engine::context::{LimiterHandle, QueryLimiter, QueryLimits, Throttle};
use peregrine_engine::log::{Level, LogSink};
use peregrine_engine::{Cancellation, Stop};
use peregrine_proto::VqlCollectorArgs;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Time between two samples.
const PERIOD: Duration = Duration::from_millis(300);
/// A sample's weight in the average is one part in this many.
const SMOOTHING: f64 = 30.0;

/// Hands out throttles.
pub(crate) struct Limiter {
    sampler: Mutex<Weak<Sampler>>,
    /// The CPU limit of queries without one of their own; set on small machines only.
    default_cpu: Option<f32>,
}

impl Limiter {
    /// On a machine with fewer than `few` processors, queries may use `low_cpu` percent unless they say
    /// otherwise.
    pub(crate) fn new(few: u64, low_cpu: u64) -> Limiter {
        let is_small = (cores() as u64) < few && (1..100).contains(&low_cpu);
        Limiter {
            sampler: Mutex::default(),
            default_cpu: is_small.then_some(low_cpu as f32),
        }
    }

    /// The throttle for a request; `None` if the request needs none.
    pub(crate) fn throttle(
        &self,
        request: &VqlCollectorArgs,
        cancellation: &Cancellation,
        log: &Arc<dyn LogSink>,
    ) -> Option<Arc<dyn Throttle>> {
        let limits = Limits::of(request, self.default_cpu, log.as_ref());
        if limits == Limits::default() {
            return None;
        }
        let sampler = self.sampler()?;
        let throttle = Arc::new(QueryThrottle {
            limits,
            started: Instant::now(),
            last_charge: AtomicU64::new(0),
            cancellation: cancellation.clone(),
            log: Arc::clone(log),
            sampler: Arc::clone(&sampler),
        });
        if limits.progress.is_some() {
            sampler.alarms.lock().push(Arc::downgrade(&throttle));
        }
        Some(throttle)
    }

    fn sampler(&self) -> Option<Arc<Sampler>> {
        let mut known = self.sampler.lock();
        if let Some(sampler) = known.upgrade() {
            return Some(sampler);
        }
        let sampler = Arc::new(Sampler::default());
        let weak = Arc::downgrade(&sampler);
        let work = weak.clone();
        match std::thread::Builder::new()
            .name("limiter".to_owned())
            .spawn(move || sample(&work))
        {
            Ok(_) => {
                *known = weak;
                Some(sampler)
            }
            Err(error) => {
                tracing::error!(%error, "no thread could be started to limit a query; it runs without limits");
                None
            }
        }
    }
}

/// Queries within queries are limited in the same way as those of the server.
impl QueryLimiter for Limiter {
    fn throttle(
        &self,
        limits: &QueryLimits,
        cancellation: &Cancellation,
        log: &Arc<dyn LogSink>,
    ) -> Option<Arc<dyn Throttle>> {
        let request = VqlCollectorArgs {
            cpu_limit: limits.cpu as f32,
            iops_limit: limits.iops as f32,
            progress_timeout: limits.progress as f32,
            ..VqlCollectorArgs::default()
        };
        Limiter::throttle(self, &request, cancellation, log)
    }
}

/// Limits queries within queries in a program other than an agent.
#[must_use]
pub fn query_limiter() -> LimiterHandle {
    LimiterHandle(Arc::new(Limiter::new(0, 0)))
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Limits {
    /// Percent of all processors.
    cpu: Option<f32>,
    /// Operations a second.
    iops: Option<f32>,
    /// The longest time without a charged operation.
    progress: Option<Duration>,
}

impl Limits {
    fn of(request: &VqlCollectorArgs, default_cpu: Option<f32>, log: &dyn LogSink) -> Limits {
        let mut cpu = request.cpu_limit;
        // The older field for it.
        if cpu == 0.0 && request.ops_per_second > 0.0 && request.ops_per_second < 100.0 {
            cpu = request.ops_per_second;
        }
        if !(0.0..=100.0).contains(&cpu) {
            log.log(
                Level::Info,
                &format!("cpu_limit `{cpu}` is not a percentage and is ignored"),
            );
            cpu = 0.0;
        }
        let positive = |number: f32| (number > 0.0).then_some(number);
        Limits {
            // Everything is not a limit.
            cpu: positive(cpu).or(default_cpu).filter(|cpu| *cpu < 100.0),
            iops: positive(request.iops_limit),
            progress: positive(request.progress_timeout)
                .and_then(|seconds| Duration::try_from_secs_f32(seconds).ok()),
        }
    }
}

/// The averages, and the queries whose progress is watched.
#[derive(Default)]
struct Sampler {
    /// The bits of an `f32`.
    cpu: AtomicU32,
    iops: AtomicU32,
    alarms: Mutex<Vec<Weak<QueryThrottle>>>,
}

/// Takes samples until nobody needs them.
fn sample(sampler: &Weak<Sampler>) {
    let cores = cores() as f64;
    let (mut cpu, mut iops) = (0.0_f64, 0.0_f64);
    let (mut last, mut last_time) = (Usage::now(), Instant::now());
    loop {
        std::thread::sleep(PERIOD);
        let Some(sampler) = sampler.upgrade() else { return };
        let (usage, time) = (Usage::now(), Instant::now());
        let seconds = (time - last_time).as_secs_f64().max(0.001);
        cpu += ((usage.cpu_seconds - last.cpu_seconds) / seconds * 100.0 / cores - cpu) / SMOOTHING;
        iops += ((usage.operations - last.operations) / seconds - iops) / SMOOTHING;
        (last, last_time) = (usage, time);
        sampler.cpu.store((cpu as f32).to_bits(), Ordering::Relaxed);
        sampler.iops.store((iops as f32).to_bits(), Ordering::Relaxed);
        // An alarm fires only once.
        let waiting: Vec<_> = sampler.alarms.lock().iter().filter_map(Weak::upgrade).collect();
        for query in waiting.iter().filter(|query| query.is_stuck()) {
            query.alarm();
        }
        sampler.alarms.lock().retain(|query| {
            query
                .upgrade()
                .is_some_and(|query| !query.cancellation.is_cancelled())
        });
    }
}

/// Slows one query down.
struct QueryThrottle {
    limits: Limits,
    started: Instant,
    /// In milliseconds after `started`.
    last_charge: AtomicU64,
    cancellation: Cancellation,
    log: Arc<dyn LogSink>,
    sampler: Arc<Sampler>,
}

impl QueryThrottle {
    fn is_over(&self) -> bool {
        let exceeds = |average: &AtomicU32, limit: Option<f32>| {
            limit.is_some_and(|limit| f32::from_bits(average.load(Ordering::Relaxed)) > limit)
        };
        exceeds(&self.sampler.cpu, self.limits.cpu) || exceeds(&self.sampler.iops, self.limits.iops)
    }

    fn note_progress(&self) {
        if self.limits.progress.is_some() {
            let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.last_charge.store(now, Ordering::Relaxed);
        }
    }

    fn is_stuck(&self) -> bool {
        let last = Duration::from_millis(self.last_charge.load(Ordering::Relaxed));
        self.limits
            .progress
            .is_some_and(|longest| self.started.elapsed().saturating_sub(last) > longest)
    }

    fn alarm(&self) {
        let longest = self.limits.progress.unwrap_or_default();
        self.log.log(
            Level::Error,
            &format!("no progress was made in {longest:?} (`progress_timeout`); the query is ended"),
        );
        self.cancellation.cancel();
    }
}

impl Throttle for QueryThrottle {
    fn charge(&self, _: u32, cancellation: &Cancellation) -> Result<(), Stop> {
        self.note_progress();
        while self.is_over() {
            if cancellation.wait(PERIOD) {
                return Err(Stop);
            }
            // Waiting here is not the query's fault.
            self.note_progress();
        }
        Ok(())
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use peregrine_engine::log::MemoryLog;

    fn limits(request: &VqlCollectorArgs) -> Limits {
        Limits::of(request, Some(50.0), &MemoryLog::default())
    }

    #[test]
    fn limits_of_requests() {
        let request = VqlCollectorArgs::default();
        assert_eq!(limits(&request).cpu, Some(50.0));
        assert_eq!(
            limits(&VqlCollectorArgs {
                cpu_limit: 20.0,
                ops_per_second: 7.0,
                ..request.clone()
            })
            .cpu,
            Some(20.0)
        );
        assert_eq!(
            limits(&VqlCollectorArgs {
                ops_per_second: 7.0,
                ..request.clone()
            })
            .cpu,
            Some(7.0)
        );
        assert_eq!(
            limits(&VqlCollectorArgs {
                ops_per_second: 1000.0,
                ..request.clone()
            })
            .cpu,
            Some(50.0)
        );
        assert_eq!(
            limits(&VqlCollectorArgs {
                cpu_limit: 100.0,
                ..request.clone()
            })
            .cpu,
            None
        );
        assert_eq!(
            limits(&VqlCollectorArgs {
                cpu_limit: f32::NAN,
                ..request.clone()
            })
            .cpu,
            Some(50.0)
        );
        assert_eq!(
            limits(&VqlCollectorArgs {
                cpu_limit: -4.0,
                ..request
            })
            .cpu,
            Some(50.0)
        );
    }

    #[test]
    fn a_query_over_its_limit_waits_until_it_is_cancelled() {
        let limiter = Limiter::new(0, 50);
        let log: Arc<dyn LogSink> = Arc::new(MemoryLog::default());
        let cancellation = Cancellation::new();
        assert!(
            limiter
                .throttle(&VqlCollectorArgs::default(), &cancellation, &log)
                .is_none()
        );
        let request = VqlCollectorArgs {
            cpu_limit: 1.0,
            ..VqlCollectorArgs::default()
        };
        let throttle = limiter.throttle(&request, &cancellation, &log).unwrap();
        assert_eq!(throttle.charge(1, &cancellation), Ok(()));
        let sampler = limiter.sampler.lock().upgrade().unwrap();
        sampler.iops.store(f32::MAX.to_bits(), Ordering::Relaxed);
        assert_eq!(
            throttle.charge(1, &cancellation),
            Ok(()),
            "only what is limited counts"
        );
        cancellation.cancel();
        // The sampler may lower the average once more before we look; the limit is far below either value.
        sampler.cpu.store(f32::MAX.to_bits(), Ordering::Relaxed);
        assert_eq!(throttle.charge(1, &cancellation), Err(Stop));
        drop((sampler, throttle));
        assert!(
            limiter
                .sampler
                .lock()
                .upgrade()
                .is_none_or(|sampler| Arc::strong_count(&sampler) <= 2)
        );
    }

    #[test]
    fn a_query_without_progress_is_ended() {
        let limiter = Limiter::new(0, 50);
        let memory = Arc::new(MemoryLog::default());
        let log: Arc<dyn LogSink> = Arc::clone(&memory) as Arc<dyn LogSink>;
        let cancellation = Cancellation::new();
        let request = VqlCollectorArgs {
            progress_timeout: 0.05,
            ..VqlCollectorArgs::default()
        };
        let _throttle = limiter.throttle(&request, &cancellation, &log).unwrap();
        assert!(cancellation.wait(Duration::from_secs(60)));
        assert!(
            memory
                .lines()
                .iter()
                .any(|line| line.starts_with("ERROR:no progress"))
        );
    }
}
