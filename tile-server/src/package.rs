//! A project as a package for somebody else's platform: one JSON document with everything that was decided and on what,
//! signed so that its receiver knows whom it is from and that no byte was changed.
//!
//! The signature is HMAC-SHA256 (RFC 2104) over the package as canonical JSON: keys sorted by their Unicode scalar
//! values, no white space, strings and numbers as JSON writes them. Two deployments share a key; it is read from a file.

use std::path::Path;

use base64::Engine as _;
use catalog::Catalog;
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac as _};
use review::Project;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::password::{hexadecimal, sha256};
use crate::problem::Problem;
use crate::routes::attachments::attachment_json;

/// Shortest key: half as long as the hash is what RFC 2104 calls weak.
const MIN_KEY_BYTES: usize = 32;

/// A key shared with a receiver.
#[derive(Clone)]
pub struct SigningKey {
    bytes: Vec<u8>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// The key in a file: its bytes as base64, or as they are where that is no base64.
    ///
    /// # Errors
    /// Where the file cannot be read or the key is shorter than 32 bytes.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        let text = std::fs::read(path)?;
        let trimmed = text.trim_ascii();
        let bytes = base64::engine::general_purpose::STANDARD.decode(trimmed).unwrap_or_else(|_not| trimmed.to_vec());
        if bytes.len() < MIN_KEY_BYTES {
            return Err(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                "密钥应至少 32 字节 / the key must have at least 32 bytes",
            ));
        }
        Ok(Self { bytes })
    }

    /// A name for the key that tells nothing of it.
    #[must_use]
    pub fn id(&self) -> String {
        sha256(&self.bytes).chars().take(16).collect()
    }

    /// Signs a document: `{package, signature: {algorithm, key, value}}`.
    ///
    /// # Panics
    /// Never: HMAC takes keys of any length.
    #[must_use]
    pub fn sign(&self, package: &Value) -> Value {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.bytes).expect("HMAC takes keys of any length");
        mac.update(canonical(package).as_bytes());
        json!({
            "package": package,
            "signature": {
                "algorithm": "HMAC-SHA256",
                "key": self.id(),
                "value": hexadecimal(&mac.finalize().into_bytes()),
            },
        })
    }

    /// Whether a signed document is ours, compared in constant time.
    ///
    /// # Panics
    /// Never: HMAC takes keys of any length.
    #[must_use]
    pub fn verify(&self, signed: &Value) -> bool {
        let value = signed["signature"]["value"].as_str().unwrap_or_default();
        let digits: Vec<u8> =
            value.bytes().filter_map(|digit| char::from(digit).to_digit(16)).map(|d| d as u8).collect();
        if digits.len() != value.len() || digits.len() != 64 {
            return false;
        }
        let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.bytes).expect("HMAC takes keys of any length");
        mac.update(canonical(&signed["package"]).as_bytes());
        mac.verify_slice(&bytes).is_ok()
    }
}

/// JSON in its one canonical form.
#[must_use]
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            let members: Vec<String> = names
                .into_iter()
                .map(|name| format!("{}:{}", Value::from(name.as_str()), canonical(&fields[name])))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

/// Everything about a project. Attachments are named with their fingerprints; red lines are as delivered.
pub(crate) async fn package(catalog: &Catalog, project: &Project, now: DateTime<Utc>) -> Result<Value, Problem> {
    let mut red_lines = Vec::new();
    for version in &project.red_lines {
        let stored = catalog.project_red_line(&project.id, version.version).await?.unwrap_or_default();
        red_lines.push(json!({ "facts": version, "delivered": stored["delivered"] }));
    }
    let events: Vec<Value> = catalog
        .project_events(&project.id, None)
        .await?
        .into_iter()
        .map(|event| json!({ "number": event.number, "event": event.body, "chain_sha256": event.chain_sha256 }))
        .collect();
    let attachments: Vec<Value> = catalog.attachment_list(&project.id).await?.iter().map(attachment_json).collect();
    Ok(json!({
        "format": "shikong-project",
        "format_version": 1,
        "made": now,
        "project": project,
        "red_lines": red_lines,
        "events": events,
        "attachments": attachments,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_the_very_content_in_any_order_of_keys() {
        let key = SigningKey { bytes: vec![0x0b; 32] };
        let signed = key.sign(&json!({ "b": [1, 2.5, null], "a": { "名": "值\n" } }));
        assert_eq!(canonical(&signed["package"]), "{\"a\":{\"名\":\"值\\n\"},\"b\":[1,2.5,null]}");
        assert!(key.verify(&signed));
        let text = signed
            .to_string()
            .replace("\"b\":[1,2.5,null],\"a\":{\"名\":\"值\\n\"}", "\"a\":{\"名\":\"值\\n\"},\"b\":[1,2.5,null]");
        assert!(key.verify(&serde_json::from_str(&text).expect("JSON")));
        let mut changed = signed.clone();
        changed["package"]["b"][0] = json!(2);
        assert!(!key.verify(&changed));
        assert!(!SigningKey { bytes: vec![0x0c; 32] }.verify(&signed));
        for bad in [json!(null), json!({}), json!({ "package": 1, "signature": { "value": "0g" } })] {
            assert!(!key.verify(&bad));
        }
    }

    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        // Test case 1 of RFC 4231: key 20 bytes of 0x0b, data "Hi There"; as a JSON string the data has quotes around
        // it, so the MAC is taken of the raw text here, by the same construction.
        let mut mac = Hmac::<Sha256>::new_from_slice(&[0x0b; 20]).expect("a key");
        mac.update(b"Hi There");
        assert_eq!(
            hexadecimal(&mac.finalize().into_bytes()),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
    }
}
