//! The files behind the names that a script uses.
//!
//! A script's text and the values of its variables come in; `video:ID` and `asset:ID` with their files go out, of one
//! owner alone, and urls on allowed hosts ([`super::remote`]). Names are found as ids anywhere in the text, without reading it as a script: the worker does that, and
//! can use no other names than these. An id that is not there is not said here: the worker says it, with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use uuid::Uuid;

use super::fetched::Held;
use crate::app::App;
use crate::error::ApiError;
use crate::model::{Owner, ScriptText};

/// Different ids that one script may hold.
pub const MOST: usize = 1000;

/// Characters of an id in its usual form.
const LENGTH: usize = 36;

/// The files that a script may name.
#[derive(Debug, Default)]
pub struct Named {
    /// Each by the name that the script has for it.
    pub files: BTreeMap<String, PathBuf>,
    /// Those that were fetched stay as long as this does.
    pub held: Held,
}

/// The files that a script may name, looked up anew: those of videos and assets of this owner, deleted ones too if
/// `deleted` (for results that still need them).
///
/// # Errors
/// 400 if the script holds too many ids or a url that cannot be fetched, 413 if what is fetched is too large, 503 if
/// fetching it may do later, 500 if the store fails.
pub async fn named(app: &App, owner: Owner, script: &ScriptText, deleted: bool) -> Result<Named, ApiError> {
    let (mut files, held) = app.remote.files(&app.files, script).await?;
    let spellings = spellings(script)?;
    let ids: Vec<Uuid> = spellings.keys().copied().collect();
    if ids.is_empty() {
        return Ok(Named { files, held });
    }
    for (id, video, blob) in app.store.sources(owner, &ids, deleted).await? {
        let kind = if video { "video" } else { "asset" };
        for spelling in spellings.get(&id).into_iter().flatten() {
            files.insert(format!("{kind}:{spelling}"), app.files.path(&blob));
        }
    }
    Ok(Named { files, held })
}

/// The videos and assets behind names that [`named`] found, each once.
pub fn ids_of<T>(named: &BTreeMap<String, T>) -> Vec<Uuid> {
    let ids = named.keys().filter_map(|name| name.split_once(':')?.1.parse().ok());
    ids.collect::<BTreeSet<Uuid>>().into_iter().collect()
}

/// Every id, and how it is written: a name counts as it stands.
fn spellings(script: &ScriptText) -> Result<BTreeMap<Uuid, BTreeSet<String>>, ApiError> {
    let mut found: BTreeMap<Uuid, BTreeSet<String>> = BTreeMap::new();
    for text in std::iter::once(&script.text).chain(script.vars.values()) {
        for (id, spelling) in written(text) {
            found.entry(id).or_default().insert(spelling.to_owned());
            if found.len() > MOST {
                let finding = format!("The script names more than {MOST} files; split it.");
                return Err(ApiError::validation(vec![finding]));
            }
        }
    }
    Ok(found)
}

/// The ids in a text, as they are written.
fn written(text: &str) -> impl Iterator<Item = (Uuid, &str)> {
    // The first hyphen of an id has eight characters before it: only hyphens are looked at.
    text.match_indices('-').filter_map(|(hyphen, _)| {
        let start = hyphen.checked_sub(8)?;
        let spelling = text.get(start..start + LENGTH)?;
        Some((Uuid::try_parse(spelling).ok()?, spelling))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ScriptSpelling;

    fn script(text: &str, vars: &[(&str, &str)]) -> ScriptText {
        let vars = vars.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        ScriptText { text: text.to_owned(), spelling: ScriptSpelling::Vfx, vars }
    }

    #[test]
    fn ids_are_found_wherever_they_stand() {
        let [a, b, c] = [1u128, 2, 3].map(|n| Uuid::from_u128(n << 64 | 0xabcdef));
        let text = format!("video \"video:{a}\"[1s..2s]\nimage \"asset:{b}\" video:{a} ü-{b}-ü");
        let found = spellings(&script(&text, &[("film", &format!("video:{c}"))])).unwrap();
        assert_eq!(found.into_keys().collect::<Vec<_>>(), [a, b, c]);
    }

    #[test]
    fn an_id_counts_as_it_is_written() {
        let id = Uuid::from_u128(0xabcdef);
        let (lower, upper) = (id.to_string(), id.to_string().to_uppercase());
        let found = spellings(&script(&format!("{lower} {upper}"), &[])).unwrap();
        assert_eq!(found[&id], BTreeSet::from([lower, upper]));
    }

    #[test]
    fn names_give_their_ids_once() {
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let names =
            [format!("video:{b}"), format!("asset:{a}"), format!("video:{}", b.to_string().to_uppercase())];
        assert_eq!(ids_of(&names.into_iter().map(|name| (name, ())).collect()), [a, b]);
    }

    #[test]
    fn what_is_no_id_is_passed_over_and_too_many_are_refused() {
        let found =
            spellings(&script("--------- a-b ü------------------------------------- 1234567-", &[])).unwrap();
        assert!(found.is_empty());
        let many: String = (0..=MOST as u128).map(|n| format!("{} ", Uuid::from_u128(n))).collect();
        assert_eq!(spellings(&script(&many, &[])).unwrap_err().kind, crate::error::Kind::Validation);
    }
}
