//! Keys for many agents, each the product of two of a few primes.
//!
//! Making an RSA key takes a tenth of a second, so tens of thousands would take an hour; 200 primes take
//! seconds and make 19,900 pairs. Whoever sees two public keys with a prime in common can compute both private
//! keys, so these keys protect nothing.

use anyhow::Context as _;
use num_bigint::BigUint;
use parking_lot::Mutex;
use peregrine_base::Reader;
use peregrine_wire::{PrivateKey, pem};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The public exponent, for which the primes were made.
const EXPONENT: u32 = 65_537;

/// The primes of a pool, and when it was first started: what its agents need to come back as the same.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Primes {
    /// Unix seconds.
    pub(crate) created: u64,
    /// Hexadecimal. Only ever extended, because the number of an agent selects a pair.
    primes: Vec<String>,
}

impl Primes {
    /// Loads the primes of this folder, and makes as many more as `agents` agents need, on `threads` threads.
    pub(crate) fn open(folder: &Path, agents: usize, threads: usize) -> anyhow::Result<Primes> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("creating the folder `{}`", folder.display()))?;
        let path = folder.join("primes.json");
        let mut primes = match std::fs::read(&path) {
            Ok(text) => {
                serde_json::from_slice(&text).with_context(|| format!("reading `{}`", path.display()))?
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Primes {
                created: now(),
                primes: Vec::new(),
            },
            Err(error) => return Err(error).with_context(|| format!("reading `{}`", path.display())),
        };
        let missing = primes_for(agents).saturating_sub(primes.primes.len());
        if missing > 0 {
            tracing::info!(primes = missing, "making primes for the keys of the agents");
            primes.primes.extend(make_primes(missing, threads)?);
            primes
                .store(&path)
                .with_context(|| format!("writing `{}`", path.display()))?;
        }
        Ok(primes)
    }

    /// The key of the agent with this number, counted from 0.
    pub(crate) fn key(&self, agent: usize) -> anyhow::Result<PrivateKey> {
        let (low, high) = pair(agent);
        let prime = |index: usize| {
            let text = self.primes.get(index).context("too few primes for this agent")?;
            BigUint::parse_bytes(text.as_bytes(), 16).context("a stored prime is not a number")
        };
        key_of(&prime(low)?, &prime(high)?)
    }

    fn store(&self, path: &Path) -> std::io::Result<()> {
        let new = path.with_extension("new");
        let mut options = std::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        std::fs::rename(new, path)
    }
}

/// The smallest number of primes with this many pairs.
fn primes_for(agents: usize) -> usize {
    let mut primes = 2;
    while primes * (primes - 1) / 2 < agents {
        primes += 1;
    }
    primes
}

/// The primes of an agent, as two different indices. Agents are numbered such that the first ones keep their
/// primes when more are added.
fn pair(agent: usize) -> (usize, usize) {
    let high = primes_for(agent + 1) - 1;
    (agent - high * (high - 1) / 2, high)
}

/// Makes primes by making keys, of which each has two.
fn make_primes(count: usize, threads: usize) -> anyhow::Result<Vec<String>> {
    let (started, made) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let make = || -> anyhow::Result<()> {
        while started.fetch_add(2, Ordering::Relaxed) < count {
            let text = PrivateKey::generate()?.to_pem()?;
            let der = pem::first(&text, "RSA PRIVATE KEY").context("a new key is not PEM")?;
            let numbers = integers(&der).context("a new key is not a sequence of numbers")?;
            // Version, modulus, two exponents, and then the primes.
            let primes = numbers.get(4..6).context("a new key has no primes")?;
            made.lock()
                .extend(primes.iter().map(|prime| prime.to_str_radix(16)));
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let makers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(make)).collect();
        for maker in makers {
            maker
                .join()
                .map_err(|_| anyhow::anyhow!("making keys failed"))??;
        }
        anyhow::Ok(())
    })?;
    Ok(made.into_inner())
}

/// The RSA key with these primes.
fn key_of(one: &BigUint, other: &BigUint) -> anyhow::Result<PrivateKey> {
    let (p, q) = (one.max(other), one.min(other));
    let (p_minus_1, q_minus_1) = (p - 1_u32, q - 1_u32);
    let exponent = BigUint::from(EXPONENT);
    let private = exponent
        .modinv(&(&p_minus_1 * &q_minus_1))
        .context("a stored prime is not suitable")?;
    let coefficient = q.modinv(p).context("two stored primes are equal")?;
    let numbers = [
        BigUint::ZERO,
        p * q,
        exponent,
        private.clone(),
        p.clone(),
        q.clone(),
        &private % &p_minus_1,
        &private % &q_minus_1,
        coefficient,
    ];
    let text = pem::encode("RSA PRIVATE KEY", &sequence(&numbers));
    Ok(PrivateKey::from_pem(&text)?)
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

/// DER of a sequence of numbers.
fn sequence(numbers: &[BigUint]) -> Vec<u8> {
    let mut content = Vec::new();
    for number in numbers {
        let mut bytes = number.to_bytes_be();
        // A number that began with a one bit would count as negative.
        if bytes.first().is_some_and(|first| first & 0x80 != 0) {
            bytes.insert(0, 0);
        }
        element(INTEGER, &bytes, &mut content);
    }
    let mut der = Vec::new();
    element(SEQUENCE, &content, &mut der);
    der
}

fn element(tag: u8, content: &[u8], der: &mut Vec<u8>) {
    der.push(tag);
    let length = content.len().to_be_bytes();
    let length: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    match length.as_slice() {
        [] => der.push(0),
        [short @ ..0x80] => der.push(*short),
        long => {
            der.push(0x80 | long.len() as u8);
            der.extend_from_slice(long);
        }
    }
    der.extend_from_slice(content);
}

/// The numbers of a sequence in DER.
fn integers(der: &[u8]) -> Option<Vec<BigUint>> {
    let mut numbers = Vec::new();
    let mut rest = Reader::new(content(&mut Reader::new(der), SEQUENCE)?);
    while !rest.is_empty() {
        numbers.push(BigUint::from_bytes_be(content(&mut rest, INTEGER)?));
    }
    Some(numbers)
}

fn content<'a>(from: &mut Reader<'a>, tag: u8) -> Option<&'a [u8]> {
    if from.u8()? != tag {
        return None;
    }
    let length = match from.u8()? {
        short @ ..0x80 => usize::from(short),
        digits => from
            .take(usize::from(digits & 0x7f).min(4))?
            .iter()
            .fold(0, |length, digit| length << 8 | usize::from(*digit)),
    };
    from.take(length)
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use peregrine_wire::{enrol, ids};
    use std::collections::HashSet;

    #[test]
    fn every_agent_has_another_pair_of_the_fewest_primes() {
        for count in [1, 2, 3, 4, 50, 20_000] {
            let primes = primes_for(count);
            assert!(primes == 2 || (primes - 1) * (primes - 2) / 2 < count, "{count}");
            let pairs: HashSet<_> = (0..count).map(pair).collect();
            assert_eq!(pairs.len(), count);
            assert!(
                pairs.iter().all(|(low, high)| low < high && *high < primes),
                "{count}"
            );
        }
    }

    #[test]
    fn the_agents_of_a_folder_come_back_and_others_are_added() {
        let folder = tempfile::tempdir().unwrap();
        let ids_of = |count: usize| -> Vec<String> {
            let primes = Primes::open(folder.path(), count, 2).unwrap();
            let keys = (0..count).map(|agent| primes.key(agent).unwrap());
            keys.map(|key| ids::client_id(key.public())).collect()
        };
        let few = ids_of(3);
        let more = ids_of(7);
        assert_eq!(few, more[..3]);
        assert_eq!(more.iter().collect::<HashSet<_>>().len(), 7);
        assert_eq!(ids_of(7), more);
    }

    #[test]
    fn a_key_of_two_primes_signs_and_is_accepted_by_a_server() {
        let folder = tempfile::tempdir().unwrap();
        let primes = Primes::open(folder.path(), 3, 1).unwrap();
        for agent in 0..3 {
            let key = primes.key(agent).unwrap();
            let signature = key.sign(b"text").unwrap();
            assert!(key.public().has_signed(b"text", &signature));
            let request = enrol::signing_request(&key).unwrap();
            let enrolled = enrol::check_request(request.as_bytes()).unwrap();
            assert_eq!(enrolled.client_id, ids::client_id(key.public()));
        }
    }

    #[test]
    fn a_damaged_file_is_an_error_and_not_a_pool_of_strangers() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("primes.json"), "{").unwrap();
        assert!(Primes::open(folder.path(), 1, 1).is_err());
        std::fs::write(
            folder.path().join("primes.json"),
            r#"{"created":1,"primes":["5","5"]}"#,
        )
        .unwrap();
        let primes = Primes::open(folder.path(), 1, 1).unwrap();
        assert!(primes.key(0).is_err());
    }
}
