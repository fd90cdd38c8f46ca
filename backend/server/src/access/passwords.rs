//! Users and their passwords, kept as bcrypt hashes.
//!
//! Invariant: one hash is computed at a time, on one core, whatever clients send; no more than [`MAX_WAITING`] wait for it, and an address
//! that was wrong too often does not even wait. A password that was right before costs no more than a short hash.
//!
//! Source: Prometheus' web configuration (`basic_auth_users`).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::clock;
use crate::state::lock;

/// Requests that may wait for a hash.
const MAX_WAITING: usize = 16;
/// Answers that are remembered.
const MAX_KNOWN: usize = 1_024;
/// Addresses whose mistakes are counted.
const MAX_ADDRESSES: usize = 4_096;
/// Mistakes of one address that are forgiven at once.
const MISTAKES: f64 = 10.0;
/// Mistakes that are forgiven each second.
const FORGIVEN_PER_S: f64 = 0.5;
/// A hash for users who are not there, so that the time does not tell that they are not.
const NOBODY: &str = "$2b$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";

/// Why a password could not even be looked at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unchecked {
    /// The address has been wrong too often.
    TooManyMistakes { retry_after: u64 },
    /// Too many wait already.
    Busy,
}

/// Checks passwords. Lives as long as the server; the users may change.
pub(crate) struct Passwords {
    key: [u8; 32],
    /// Of user, hash and password together, whether it was right.
    known: Mutex<HashMap<blake3::Hash, bool>>,
    mistakes: Mutex<HashMap<IpAddr, (f64, Instant)>>,
    worker: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self {
            key,
            known: Mutex::default(),
            mistakes: Mutex::default(),
            worker: Arc::new(Semaphore::new(1)),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
        }
    }

    /// Whether the password is that of the user whose hash is given; no hash is no user.
    pub(crate) async fn check(
        &self,
        from: IpAddr,
        user: &str,
        password: &str,
        hash: Option<&str>,
    ) -> Result<bool, Unchecked> {
        let stored = hash.unwrap_or(NOBODY);
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in [user, stored, password] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let key = hasher.finalize();
        let known = lock(&self.known).get(&key).copied();
        if known == Some(true) {
            return Ok(true);
        }
        self.may_try(from)?;
        if known == Some(false) {
            self.mistaken(from);
            return Ok(false);
        }
        let _waiting = Arc::clone(&self.waiting)
            .try_acquire_owned()
            .map_err(|_| Unchecked::Busy)?;
        let turn = Arc::clone(&self.worker)
            .acquire_owned()
            .await
            .map_err(|_| Unchecked::Busy)?;
        // While this one waited, its address may have used up its chances.
        self.may_try(from)?;
        let (password, stored, is_user) = (password.to_owned(), stored.to_owned(), hash.is_some());
        let right = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            bcrypt::verify(&password, &stored).unwrap_or(false) && is_user
        })
        .await
        .unwrap_or(false);
        let mut known = lock(&self.known);
        if known.len() >= MAX_KNOWN {
            // Wrong ones go first: whoever guesses must not drive out those who know.
            known.retain(|_, right| *right);
            if known.len() >= MAX_KNOWN {
                known.clear();
            }
        }
        known.insert(key, right);
        drop(known);
        if !right {
            self.mistaken(from);
        }
        Ok(right)
    }

    fn may_try(&self, from: IpAddr) -> Result<(), Unchecked> {
        let left = self.chances(from, 0.0);
        match left >= 1.0 {
            true => Ok(()),
            false => Err(Unchecked::TooManyMistakes {
                retry_after: ((1.0 - left) / FORGIVEN_PER_S).ceil() as u64,
            }),
        }
    }

    fn mistaken(&self, from: IpAddr) {
        self.chances(from, 1.0);
    }

    /// Chances that an address has left, after it used `used` more.
    fn chances(&self, from: IpAddr, used: f64) -> f64 {
        let now = clock::instant();
        let mut mistakes = lock(&self.mistakes);
        if mistakes.len() >= MAX_ADDRESSES && !mistakes.contains_key(&from) {
            let forgiven = Duration::from_secs_f64(MISTAKES / FORGIVEN_PER_S);
            mistakes.retain(|_, (_, at)| now.saturating_duration_since(*at) < forgiven);
            if mistakes.len() >= MAX_ADDRESSES {
                // So many are not people's mistakes: nobody new is let in until the old ones are forgiven.
                return 0.0;
            }
        }
        let (left, at) = mistakes.get(&from).copied().unwrap_or((MISTAKES, now));
        let gained = now.saturating_duration_since(at).as_secs_f64() * FORGIVEN_PER_S;
        let left = (left + gained).min(MISTAKES);
        if used > 0.0 {
            mistakes.insert(from, ((left - used).max(0.0), now));
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn the_right_password_passes_even_after_many_wrong_ones() {
        let hash = bcrypt::hash("secret", 4).unwrap();
        let passwords = Passwords::new([1; 32]);
        assert_eq!(passwords.check(FROM, "u", "secret", Some(&hash)).await, Ok(true));
        let mut refused = 0;
        for i in 0..30 {
            match passwords
                .check(FROM, "u", &format!("wrong {i}"), Some(&hash))
                .await
            {
                Ok(right) => assert!(!right),
                Err(_) => refused += 1,
            }
        }
        assert!(refused >= 10, "{refused}");
        // It is known, so that no hash is computed and nothing is counted.
        assert_eq!(passwords.check(FROM, "u", "secret", Some(&hash)).await, Ok(true));
        // Another address has chances of its own.
        let other = IpAddr::from([10, 0, 0, 1]);
        assert_eq!(passwords.check(other, "u", "wrong", Some(&hash)).await, Ok(false));
    }

    #[tokio::test]
    async fn a_user_who_is_not_there_has_no_password() {
        let passwords = Passwords::new([1; 32]);
        for password in ["", "nobody", "secret"] {
            assert_eq!(passwords.check(FROM, "u", password, None).await, Ok(false));
        }
    }

    #[tokio::test]
    async fn what_is_remembered_is_bounded() {
        let hash = bcrypt::hash("secret", 4).unwrap();
        let passwords = Passwords::new([1; 32]);
        for i in 0..MAX_KNOWN + 20 {
            lock(&passwords.known).insert(blake3::hash(&i.to_le_bytes()), false);
        }
        assert_eq!(passwords.check(FROM, "u", "secret", Some(&hash)).await, Ok(true));
        assert_eq!(lock(&passwords.known).len(), 1);
        for i in 0..MAX_ADDRESSES as u32 + 10 {
            passwords.mistaken(IpAddr::from(i.to_be_bytes()));
        }
        assert!(lock(&passwords.mistakes).len() <= MAX_ADDRESSES);
    }
}
