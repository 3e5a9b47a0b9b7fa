//! Why something may not be done, in words for the person who tried.

/// Which kind of no it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// Not by this person.
    NotYours,
    /// Not in this state.
    NotNow,
    /// Something is missing or wrong in what was sent.
    Incomplete,
}

/// A no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{zh} / {en}")]
pub struct Refusal {
    /// Which kind.
    pub kind: RefusalKind,
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Refusal {
    /// Not by this person.
    pub fn not_yours(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { kind: RefusalKind::NotYours, zh: zh.into(), en: en.into() }
    }

    /// Not in this state.
    pub fn not_now(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { kind: RefusalKind::NotNow, zh: zh.into(), en: en.into() }
    }

    /// Something is missing.
    pub fn incomplete(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { kind: RefusalKind::Incomplete, zh: zh.into(), en: en.into() }
    }
}
