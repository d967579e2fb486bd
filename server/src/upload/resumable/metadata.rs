//! `Upload-Metadata`: keys with values in Base64, as tus 1.0 has it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::ApiError;

/// Keys and decoded values.
pub(crate) type Metadata = BTreeMap<String, String>;

/// Bytes of the header at most.
const LONGEST: usize = 8 << 10;

/// Reads the header.
///
/// # Errors
/// 400 with every finding.
pub(crate) fn read(header: &[u8]) -> Result<Metadata, ApiError> {
    let wrong = |what: &str| ApiError::validation(vec![format!("Upload-Metadata {what}.")]);
    if header.len() > LONGEST {
        return Err(wrong(&format!("must have at most {LONGEST} bytes")));
    }
    let text = std::str::from_utf8(header).ok().filter(|text| text.is_ascii());
    let text = text.ok_or_else(|| wrong("must be ASCII: values are in Base64"))?;
    let mut read = Metadata::new();
    let mut findings = Vec::new();
    if text.trim().is_empty() {
        return Ok(read);
    }
    for pair in text.split(',') {
        let (key, value) = pair.trim().split_once(' ').unwrap_or((pair.trim(), ""));
        let value = STANDARD.decode(value.trim()).ok().and_then(|value| String::from_utf8(value).ok());
        match value {
            _ if key.is_empty() => findings.push("Upload-Metadata has a pair without a key.".to_owned()),
            None => findings.push(format!("`{key}` in Upload-Metadata must be UTF-8 in Base64.")),
            Some(value) => {
                if read.insert(key.to_owned(), value).is_some() {
                    findings.push(format!("`{key}` is in Upload-Metadata twice."));
                }
            }
        }
    }
    if findings.is_empty() { Ok(read) } else { Err(ApiError::validation(findings)) }
}

/// Writes it again.
pub(crate) fn write(metadata: &Metadata) -> String {
    let pairs = metadata.iter().map(|(key, value)| {
        if value.is_empty() { key.clone() } else { format!("{key} {}", STANDARD.encode(value)) }
    });
    pairs.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let text = "filename d29ybGRfZG9taW5hdGlvbl9wbGFuLnBkZg==,is_confidential";
        let read = super::read(text.as_bytes()).unwrap();
        assert_eq!(read["filename"], "world_domination_plan.pdf");
        assert_eq!(read["is_confidential"], "");
        assert_eq!(write(&read), text);
        assert_eq!(super::read(b"").unwrap(), Metadata::new());
        assert_eq!(
            super::read(b" a  YQ== , b").unwrap(),
            [("a", "a"), ("b", "")].map(|(k, v)| (k.into(), v.into())).into()
        );
    }

    #[test]
    fn what_is_wrong_is_all_told() {
        let details = super::read(b"a YQ==,a Yg==,b !,c /w==,").unwrap_err().details;
        let expected = [
            "`a` is in Upload-Metadata twice.",
            "`b` in Upload-Metadata must be UTF-8 in Base64.",
            "`c` in Upload-Metadata must be UTF-8 in Base64.",
            "Upload-Metadata has a pair without a key.",
        ];
        assert_eq!(details, expected);
        assert!(super::read("ü YQ==".as_bytes()).is_err());
        assert!(super::read(&[b'a'; 10_000]).is_err());
    }
}
