//! PROJ pipelines as text: join, invert and tidy their steps. Pure text; nothing here calls PROJ.
//!
//! A pipeline is the one truth of an operation: the same text converts our points and is handed to GDAL.

use std::fmt;

/// Steps in order; none is the identity.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Steps(Vec<Step>);

#[derive(Clone, PartialEq, Eq)]
struct Step {
    inverse: bool,
    /// `proj=…` and its terms, without plus signs.
    terms: Vec<String>,
}

impl Steps {
    /// Reads `+proj=pipeline +step …`, a bare `proj=…`, or steps; with or without plus signs.
    pub(crate) fn parse(text: &str) -> Self {
        let mut steps = Self::default();
        let mut current: Option<Step> = None;
        for word in text.split_whitespace() {
            let word = word.strip_prefix('+').unwrap_or(word);
            match word {
                "proj=pipeline" => {}
                "step" => steps.push(current.take()),
                "inv" => current.get_or_insert_with(Step::empty).inverse = true,
                term => current.get_or_insert_with(Step::empty).terms.push(term.to_owned()),
            }
        }
        steps.push(current);
        steps
    }

    pub(crate) fn is_identity(&self) -> bool {
        self.0.is_empty()
    }

    /// These steps, then those.
    pub(crate) fn then(mut self, next: Self) -> Self {
        for step in next.0 {
            self.push(Some(step));
        }
        self
    }

    /// The way back.
    pub(crate) fn inverted(self) -> Self {
        Self(self.0.into_iter().rev().map(Step::inverted).collect())
    }

    /// Adds a step; one that undoes the step before removes it instead.
    fn push(&mut self, step: Option<Step>) {
        let Some(step) = step else { return };
        if step.terms.first().is_none_or(|term| term == "proj=noop") {
            return;
        }
        let undoes = self.0.last().is_some_and(|last| {
            // A stack operation is not undone by its neighbour in text: what lies between matters.
            !last.is("push") && !last.is("pop") && *last == step.clone().inverted()
        });
        if undoes {
            self.0.pop();
        } else {
            self.0.push(step);
        }
    }
}

impl Step {
    const fn empty() -> Self {
        Self { inverse: false, terms: Vec::new() }
    }

    fn is(&self, operation: &str) -> bool {
        self.terms.first().and_then(|term| term.strip_prefix("proj=")) == Some(operation)
    }

    fn inverted(mut self) -> Self {
        if self.is("unitconvert") {
            // Written forwards both ways, so that a step and its undoing are recognised.
            for term in &mut self.terms {
                if let Some(rest) = term.strip_prefix("xy_in=") {
                    *term = format!("xy_out={rest}");
                } else if let Some(rest) = term.strip_prefix("xy_out=") {
                    *term = format!("xy_in={rest}");
                } else if let Some(rest) = term.strip_prefix("z_in=") {
                    *term = format!("z_out={rest}");
                } else if let Some(rest) = term.strip_prefix("z_out=") {
                    *term = format!("z_in={rest}");
                }
            }
            let (proj, units) = self.terms.split_at_mut(1);
            debug_assert!(proj.len() == 1, "a unitconvert step names itself first");
            // In before out, as PROJ writes them.
            units.sort();
        } else if self.is("push") {
            "proj=pop".clone_into(&mut self.terms[0]);
        } else if self.is("pop") {
            "proj=push".clone_into(&mut self.terms[0]);
        } else if !(self.is("axisswap") && self.terms.iter().any(|term| term == "order=2,1")) {
            self.inverse = !self.inverse;
        }
        self
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_identity() {
            return f.write_str("+proj=noop");
        }
        f.write_str("+proj=pipeline")?;
        for step in &self.0 {
            f.write_str(" +step")?;
            if step.inverse {
                f.write_str(" +inv")?;
            }
            for term in &step.terms {
                write!(f, " +{term}")?;
            }
        }
        Ok(())
    }
}
