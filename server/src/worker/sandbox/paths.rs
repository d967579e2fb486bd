//! Which files a worker may touch, by Landlock: those of its order to read, one folder to write into. TCP, and signals
//! and abstract sockets to processes outside, are shut where the kernel's Landlock knows them.

use std::io;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, Scope, make_bitflags,
};

/// The newest set of rights that we know; a kernel that has fewer gives fewer.
const NEWEST: ABI = ABI::V6;

/// Whether the kernel can restrict files at all.
pub(super) fn available() -> bool {
    // Making a set of rules restricts nobody.
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .and_then(Ruleset::create);
    rules.is_ok()
}

/// From here on only these files can be read, and only this folder be written into.
pub(super) fn restrict(reads: &[&Path], folder: Option<&Path>) -> io::Result<()> {
    let failed = |error: RulesetError| io::Error::other(format!("Landlock: {error}"));
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(NEWEST)))
        .and_then(|rules| rules.scope(Scope::from_all(NEWEST)))
        .and_then(Ruleset::create)
        .map_err(failed)?;
    for file in reads {
        // One that is not there needs no right: whoever wants to read it is told that it is missing.
        if let Ok(file) = PathFd::new(file) {
            rules = rules.add_rule(PathBeneath::new(file, AccessFs::ReadFile)).map_err(failed)?;
        }
    }
    if let Some(folder) = folder {
        let folder = PathFd::new(folder).map_err(io::Error::other)?;
        rules = rules.add_rule(PathBeneath::new(folder, own())).map_err(failed)?;
    }
    rules.restrict_self().map_err(failed)?;
    Ok(())
}

/// What may be done in the worker's own folder: make, write, read and rename plain files, and nothing that leads out.
fn own() -> BitFlags<AccessFs> {
    make_bitflags!(AccessFs::{ReadFile | ReadDir | WriteFile | Truncate | MakeReg | RemoveFile})
}
