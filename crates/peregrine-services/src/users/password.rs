//! Passwords: argon2id, two at a time, outside the async threads.

use crate::{Error, Result};
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use data_encoding::BASE32_NOPAD;
use tokio::sync::Semaphore;

/// Passwords in work or waiting; further ones are refused, as a longer queue would only make everybody wait.
const QUEUE: usize = 64;

/// Hashes and verifies passwords. Each takes 19 MiB and tens of milliseconds, hence the queue.
#[derive(Debug)]
pub(crate) struct Hasher {
    slots: Semaphore,
    queue: Semaphore,
    /// Verified against if the user does not exist, so that the time to answer does not reveal it.
    decoy: tokio::sync::OnceCell<String>,
}

impl Hasher {
    pub(crate) fn new() -> Hasher {
        Hasher {
            slots: Semaphore::new(2),
            queue: Semaphore::new(QUEUE),
            decoy: tokio::sync::OnceCell::new(),
        }
    }

    /// The PHC string of a password.
    pub(super) async fn hash(&self, password: &str) -> Result<String> {
        let password = password.to_owned();
        self.run(move || {
            let hash = Argon2::default().hash_password(password.as_bytes());
            hash.map(|hash| hash.to_string())
                .map_err(|error| Error::Internal(format!("password hash: {error}")))
        })
        .await
    }

    /// Whether the password matches the hash.
    pub(super) async fn verify(&self, password: &str, hash: &str) -> Result<bool> {
        let (password, hash) = (password.to_owned(), hash.to_owned());
        self.run(move || {
            let parsed =
                PasswordHash::new(&hash).map_err(|error| Error::Internal(format!("stored hash: {error}")))?;
            Ok(Argon2::default()
                .verify_password(password.as_bytes(), &parsed)
                .is_ok())
        })
        .await
    }

    /// Takes as long as a verification.
    pub(super) async fn verify_nobody(&self, password: &str) -> Result<()> {
        let decoy = self
            .decoy
            .get_or_try_init(|| self.hash("nobody has this password"))
            .await?
            .clone();
        self.verify(password, &decoy).await.map(drop)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        // The throttle has already held up floods from few addresses; a full queue means many addresses.
        let _place = self.queue.try_acquire().map_err(|_| Error::Throttled(2))?;
        let _slot = self
            .slots
            .acquire()
            .await
            .map_err(|_| Error::Internal("shutting down".into()))?;
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| Error::Internal(error.to_string()))?
    }
}

/// Refuses passwords that are quickly guessed. Length is what counts most.
pub(super) fn check_strength(password: &str, user: &str) -> Result<()> {
    let weak = |why: &str| Err(Error::WeakPassword(why.to_owned()));
    if password.chars().count() < 12 {
        return weak("the password is too short; use at least 12 characters, several words are best");
    }
    if password.len() > 1024 {
        return weak("the password is too long; use at most 1024 bytes");
    }
    if password.to_lowercase().contains(&user.to_lowercase()) {
        return weak("the password contains the user name; choose another one");
    }
    let mut kinds: Vec<char> = password.chars().collect();
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.len() < 5 {
        return weak("the password repeats a few characters; use more different ones");
    }
    Ok(())
}

/// A secret of `bytes` random bytes, as lower case letters and digits.
pub(crate) fn random_token(bytes: usize) -> Result<String> {
    let mut secret = vec![0; bytes];
    getrandom::fill(&mut secret).map_err(|error| Error::Internal(format!("no randomness: {error}")))?;
    Ok(BASE32_NOPAD.encode(&secret).to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_passwords_are_refused_with_a_reason() {
        for (password, part) in [
            ("short", "12"),
            ("aaaaaaaaaaaaaaaa", "repeats"),
            ("my-ADMIN-password", "user name"),
        ] {
            let error = check_strength(password, "admin").unwrap_err().to_string();
            assert!(error.contains(part), "{password}: {error}");
        }
        check_strength("correct horse battery", "admin").unwrap();
    }
}
