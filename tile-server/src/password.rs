//! Passwords: argon2id (RFC 9106) hashes, made off the async threads and a few at a time, and what a password must be.
//!
//! One hash costs about 20 MB and tens of milliseconds on purpose; the bound keeps a flood of log-ins from taking the
//! server with it.

use std::sync::{Arc, OnceLock};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use axum::http::StatusCode;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use crate::problem::Problem;

/// Hashes computed at a time.
const AT_A_TIME: usize = 2;
/// Log-ins that may wait for a turn: a few seconds of work.
const WAITING: usize = 64;
/// Shortest and longest password, in characters.
const CHARACTERS: std::ops::RangeInclusive<usize> = 8..=128;
/// Kinds of characters a password must mix, of: lower case, upper case, digits, everything else.
const KINDS: usize = 3;
/// Without what is easily misread: 0 O 1 l I.
const ONE_TIME_ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The bounded place where passwords are hashed.
#[derive(Debug)]
pub(crate) struct Hashing {
    running: Arc<Semaphore>,
    admitted: Semaphore,
    nobody: OnceLock<String>,
}

impl Default for Hashing {
    fn default() -> Self {
        Self {
            running: Arc::new(Semaphore::new(AT_A_TIME)),
            admitted: Semaphore::new(AT_A_TIME + WAITING),
            nobody: OnceLock::new(),
        }
    }
}

impl Hashing {
    /// The PHC string of a password, with a new salt.
    pub(crate) async fn hash(&self, password: String) -> Result<String, Problem> {
        self.off_thread(move || phc(&password)).await?
    }

    /// Whether that is the password. Without a hash to compare with it takes as long and says no, so that the time of
    /// an answer does not tell which accounts exist.
    pub(crate) async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Problem> {
        let nobody = self.nobody.get().cloned();
        let (matches, nobody) = self
            .off_thread(move || {
                let nobody = match nobody {
                    Some(nobody) => nobody,
                    None => phc("nobody")?,
                };
                let compared = hash.as_deref().unwrap_or(&nobody);
                let parsed = PasswordHash::new(compared).map_err(Problem::internal)?;
                let matches = Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok();
                Ok::<_, Problem>((matches && hash.is_some(), nobody))
            })
            .await??;
        self.nobody.get_or_init(|| nobody);
        Ok(matches)
    }

    async fn off_thread<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let _admitted = self.admitted.try_acquire().map_err(|_full| {
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "同时登录的人过多，请稍候再试",
                "Too many are logging in at once; try again in a moment.",
            )
            .retry_after(2)
        })?;
        let turn = Arc::clone(&self.running).acquire_owned().await.map_err(Problem::internal)?;
        tokio::task::spawn_blocking(move || {
            // Held until the work ends, also where the client has hung up.
            let _turn = turn;
            work()
        })
        .await
        .map_err(Problem::internal)
    }
}

fn phc(password: &str) -> Result<String, Problem> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| Problem::internal(error.to_string()))
}

/// Refuses a password that is too easy to guess.
pub(crate) fn check_rules(password: &str, account_name: &str) -> Result<(), Problem> {
    let refuse = |zh: &str, en: &str| Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, zh, en));
    if !CHARACTERS.contains(&password.chars().count()) {
        return refuse("密码应为 8 至 128 个字符", "A password has 8 to 128 characters.");
    }
    let kinds: [fn(char) -> bool; 4] = [
        |c| c.is_ascii_lowercase(),
        |c| c.is_ascii_uppercase(),
        |c| c.is_ascii_digit(),
        |c| !c.is_ascii_alphanumeric(),
    ];
    if kinds.into_iter().filter(|kind| password.chars().any(kind)).count() < KINDS {
        return refuse(
            "密码应包含小写字母、大写字母、数字、其他字符中的至少三种",
            "A password mixes at least three of: lower case, upper case, digits, other characters.",
        );
    }
    if password.to_lowercase().contains(&account_name.to_lowercase()) {
        return refuse("密码不能包含账号名", "A password does not contain the account's name.");
    }
    Ok(())
}

/// 256 random bits: three UUIDs hold 366 from the operating system.
fn random() -> [u8; 32] {
    let mut hasher = Sha256::new();
    for _ in 0..3 {
        hasher.update(uuid::Uuid::new_v4().as_bytes());
    }
    hasher.finalize().into()
}

/// A password for one log-in, easily read aloud: 80 bits.
pub(crate) fn one_time_password() -> String {
    let letters: Vec<char> =
        random().iter().take(16).map(|byte| char::from(ONE_TIME_ALPHABET[usize::from(byte & 31)])).collect();
    letters.chunks(4).map(|part| part.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// A token: 256 random bits, in hexadecimal.
pub(crate) fn token() -> String {
    hexadecimal(&random())
}

/// Lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
        text
    })
}

/// SHA-256 of the bytes, in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_and_nothing_else_is() {
        let hashing = Hashing::default();
        let hash = hashing.hash("Tianmen 2024".to_owned()).await.expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$"), "{hash}");
        assert!(hashing.verify("Tianmen 2024".to_owned(), Some(hash.clone())).await.expect("compared"));
        assert!(!hashing.verify("tianmen 2024".to_owned(), Some(hash)).await.expect("compared"));
        assert!(!hashing.verify("nobody".to_owned(), None).await.expect("compared"));
    }

    #[test]
    fn easy_passwords_are_refused() {
        for easy in ["Ab1!", "abcdefgh", "abcdefgh1", "Zhang-San-2024", "12345678"] {
            assert!(check_rules(easy, "zhang-san").is_err(), "{easy}");
        }
        for good in ["Tianmen 2024", "天门山-2024x", "aB3aB3aB"] {
            assert!(check_rules(good, "zhang-san").is_ok(), "{good}");
        }
    }

    #[test]
    fn tokens_are_long_and_never_the_same() {
        let tokens: std::collections::BTreeSet<String> = (0..100).map(|_| token()).collect();
        assert!(tokens.len() == 100 && tokens.iter().all(|token| token.len() == 64));
        assert_eq!(one_time_password().len(), 19);
    }
}
