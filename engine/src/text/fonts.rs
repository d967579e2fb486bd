//! The fonts that text may be set in: the bundled ones, named files, and the system's where they are allowed.
//!
//! A [`Face`] is bytes and what its tables say of it. It is found by family or file, weight and slant, never by the
//! order in which files were loaded, so that one item's font is no other item's fallback. Fontconfig is never asked
//! unless [`Fonts::new`] is told to.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cosmic_text::fontdb;
use swash::CacheKey;

use super::TextError;

/// Largest font file that is read; the largest in the field (colour emoji, pan-CJK collections) have 200 MB.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// The bundled fonts, first the one that stands in for all others, then the order of fallback. See
/// `assets/fonts/README.md` for what they cover.
static BUNDLED: &[&[u8]] = &[
    include_bytes!("../../assets/fonts/NotoSans.ttf"),
    include_bytes!("../../assets/fonts/NotoSans-Italic.ttf"),
    include_bytes!("../../assets/fonts/NotoSansArabic.ttf"),
    include_bytes!("../../assets/fonts/NotoSansHebrew.ttf"),
    include_bytes!("../../assets/fonts/NotoSansDevanagari.ttf"),
    include_bytes!("../../assets/fonts/NotoSansThai.ttf"),
    include_bytes!("../../assets/fonts/NotoSansArmenian.ttf"),
    include_bytes!("../../assets/fonts/NotoSansGeorgian.ttf"),
    include_bytes!("../../assets/fonts/NotoSansSymbols.ttf"),
    include_bytes!("../../assets/fonts/NotoSansSymbols2.ttf"),
    include_bytes!("../../assets/fonts/NotoSansMath.ttf"),
    include_bytes!("../../assets/fonts/NotoEmoji.ttf"),
];

/// Bytes of a font file, shared by its faces.
pub(super) type FontBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// One face of a font file.
pub(super) struct Face {
    /// The whole file.
    pub(super) data: FontBytes,
    /// BLAKE3 of the file.
    pub(super) digest: [u8; 32],
    /// The face's place in a collection.
    pub(super) index: u32,
    /// For swash, which remembers by it what it has parsed.
    key: CacheKey,
    /// Where the face's tables start.
    offset: u32,
    families: Vec<String>,
    /// Least and greatest weight: equal unless the face varies.
    weights: (u16, u16),
    pub(super) italic: bool,
    /// Whether it is an emoji font.
    pub(super) emoji: bool,
    /// Whether its glyphs are gradients (COLR version 1) alone, which are not drawn.
    pub(super) gradients: bool,
}

impl Face {
    /// For swash.
    pub(super) fn font(&self) -> swash::FontRef<'_> {
        swash::FontRef { data: (*self.data).as_ref(), offset: self.offset, key: self.key }
    }

    fn has_family(&self, name: &str) -> bool {
        self.families.iter().any(|family| family.eq_ignore_ascii_case(name))
    }

    /// How far it is from what is asked: slant first, then weight, as in CSS Fonts 4 §5.2. A tie goes to the heavier
    /// face where a bold one is asked for.
    fn distance(&self, weight: u16, italic: bool) -> (bool, u16, bool) {
        let nearest = weight.clamp(self.weights.0, self.weights.1);
        (self.italic != italic, nearest.abs_diff(weight), (nearest < weight) == (weight > 500))
    }
}

impl fmt::Debug for Face {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Face")
            .field("families", &self.families)
            .field("weights", &self.weights)
            .finish_non_exhaustive()
    }
}

/// A face as one run uses it.
#[derive(Debug, Clone)]
pub(super) struct FaceUse {
    pub(super) face: Arc<Face>,
    /// The instance of a face that varies; within its range.
    pub(super) weight: u16,
    /// Skewed, because it has no italic of its own.
    pub(super) skewed: bool,
}

impl FaceUse {
    pub(super) fn new(face: &Arc<Face>, weight: u16, italic: bool) -> Self {
        FaceUse {
            face: Arc::clone(face),
            weight: weight.clamp(face.weights.0, face.weights.1),
            skewed: italic && !face.italic && !face.emoji,
        }
    }

    pub(super) fn same(&self, other: &FaceUse) -> bool {
        Arc::ptr_eq(&self.face, &other.face) && self.weight == other.weight && self.skewed == other.skewed
    }
}

type Loaded = Result<Arc<[Arc<Face>]>, TextError>;
type Files = HashMap<PathBuf, Loaded>;

/// A database of fonts. Made once a program, shared by all threads.
pub struct Fonts {
    bundled: Vec<Arc<Face>>,
    /// Names and paths of the system's faces; their files are read when needed.
    system: fontdb::Database,
    /// Those faces, best fallback first.
    order: Vec<fontdb::ID>,
    /// Files that have been read, with those that failed.
    files: Mutex<Files>,
}

impl fmt::Debug for Fonts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fonts").field("system", &self.order.len()).finish_non_exhaustive()
    }
}

impl Fonts {
    /// The bundled fonts, and the system's if `system`: found by family and used for characters that no bundled font
    /// has, which makes a render depend on the machine.
    pub fn new(system: bool) -> Fonts {
        let bundled = BUNDLED
            .iter()
            .flat_map(|bytes| faces_of(Arc::new(*bytes), Path::new("bundled")).unwrap_or_default())
            .collect();
        let mut db = fontdb::Database::new();
        if system {
            db.load_system_fonts();
        }
        let mut faces: Vec<&fontdb::FaceInfo> = db.faces().collect();
        faces.sort_by_cached_key(|info| system_rank(info));
        let order = faces.into_iter().map(|info| info.id).collect();
        Fonts { bundled, system: db, order, files: Mutex::new(HashMap::new()) }
    }

    /// Names of the families that can be asked for, sorted.
    pub fn families(&self) -> Vec<String> {
        let bundled = self.bundled.iter().flat_map(|face| face.families.iter().cloned());
        let system = self.system.faces().flat_map(|info| info.families.iter().map(|(name, _)| name.clone()));
        let mut names: Vec<String> = bundled.chain(system).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The bundled faces in the order of fallback.
    pub(super) fn bundled(&self) -> &[Arc<Face>] {
        &self.bundled
    }

    /// The bundled face that stands in for all others.
    pub(super) fn last_resort(&self, weight: u16, italic: bool) -> Option<FaceUse> {
        let family = self.bundled.first()?.families.first()?;
        nearest(self.bundled.iter().filter(|face| face.has_family(family)), weight, italic)
    }

    /// The face of a family that is nearest to what is asked; `None` if there is no such family.
    pub(super) fn family(&self, name: &str, weight: u16, italic: bool) -> Option<FaceUse> {
        let bundled = self.bundled.iter().filter(|face| face.has_family(name));
        if let Some(face) = nearest(bundled, weight, italic) {
            return Some(face);
        }
        let of_family = |info: &&fontdb::FaceInfo| {
            info.families.iter().any(|(family, _)| family.eq_ignore_ascii_case(name))
        };
        let faces: Vec<_> =
            self.system.faces().filter(of_family).filter_map(|info| self.system_face(info)).collect();
        nearest(faces.iter(), weight, italic)
    }

    /// The face of a file that is nearest to what is asked.
    pub(super) fn file(&self, path: &Path, weight: u16, italic: bool) -> Result<FaceUse, TextError> {
        let faces = self.load(path)?;
        nearest(faces.iter(), weight, italic).ok_or_else(|| TextError::FontDamaged {
            path: path.to_owned(),
            reason: "it holds no face".to_owned(),
        })
    }

    /// The first of the system's faces that `covers`, of those that are emoji fonts or of those that are not. Only the
    /// one that does is read as a whole.
    pub(super) fn system_covering(
        &self,
        emoji: bool,
        covers: impl Fn(&swash::FontRef<'_>) -> bool,
    ) -> Option<Arc<Face>> {
        let holds = |info: &&fontdb::FaceInfo| {
            let covers = |data: &[u8], index: u32| {
                let font = swash::FontRef::from_index(data, index as usize);
                font.is_some_and(|font| covers(&font) && !(emoji && gradients(&font)))
            };
            info.post_script_name.contains("Emoji") == emoji
                && self.system.with_face_data(info.id, covers) == Some(true)
        };
        let infos = self.order.iter().filter_map(|&id| self.system.face(id));
        infos.filter(holds).find_map(|info| self.system_face(info))
    }

    fn system_face(&self, info: &fontdb::FaceInfo) -> Option<Arc<Face>> {
        let fontdb::Source::File(path) = &info.source else { return None };
        // A broken font among the system's is passed over: nobody named it.
        self.load(path).ok()?.iter().find(|face| face.index == info.index).cloned()
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load(&self, path: &Path) -> Loaded {
        let known = self.files().get(path).cloned();
        if let Some(known) = known {
            return known;
        }
        let loaded = read(path).and_then(|data| faces_of(data, path)).map(Arc::from);
        self.files().insert(path.to_owned(), loaded.clone());
        loaded
    }
}

/// Regular upright faces of Noto Sans first, then the rest of Noto, then by name: an order that depends on what is
/// installed and not on where.
fn system_rank(info: &fontdb::FaceInfo) -> (u8, bool, u16, String, u32) {
    let name = info.families.first().map_or("", |(name, _)| name.as_str());
    let family = match name {
        // One of the five Noto Sans CJK must be first; simplified Chinese is the most read.
        "Noto Sans CJK SC" => 0,
        _ if name.starts_with("Noto Sans") => 1,
        _ if name.starts_with("Noto") => 2,
        _ => 3,
    };
    let slanted = info.style != fontdb::Style::Normal;
    (family, slanted, info.weight.0.abs_diff(400), info.post_script_name.clone(), info.index)
}

fn nearest<'a>(faces: impl Iterator<Item = &'a Arc<Face>>, weight: u16, italic: bool) -> Option<FaceUse> {
    let face = faces.min_by_key(|face| face.distance(weight, italic))?;
    Some(FaceUse::new(face, weight, italic))
}

/// The bytes of a regular file of reasonable size.
fn read(path: &Path) -> Result<FontBytes, TextError> {
    let unreadable = |reason: String| TextError::FontUnreadable { path: path.to_owned(), reason };
    // Asked before it is opened: opening a FIFO would wait for ever.
    let meta = std::fs::metadata(path).map_err(|e| unreadable(e.to_string()))?;
    if !meta.is_file() {
        return Err(unreadable("it is not a file".to_owned()));
    }
    if meta.len() > MAX_FILE_BYTES {
        return Err(unreadable(format!("it is larger than {} MB", MAX_FILE_BYTES >> 20)));
    }
    let bytes = std::fs::read(path).map_err(|e| unreadable(e.to_string()))?;
    Ok(Arc::new(bytes))
}

/// Every face of a font file, or why there is none. Each is built once as the shaper will build it, so that a broken
/// file is an error here and not later.
fn faces_of(data: FontBytes, path: &Path) -> Result<Vec<Arc<Face>>, TextError> {
    let damaged = |reason: &str| TextError::FontDamaged { path: path.to_owned(), reason: reason.to_owned() };
    let digest = *blake3::hash((*data).as_ref()).as_bytes();
    let mut db = fontdb::Database::new();
    let ids = db.load_font_source(fontdb::Source::Binary(Arc::clone(&data)));
    let mut faces = Vec::new();
    for id in ids {
        let Some(info) = db.face(id) else { continue };
        if cosmic_text::Font::new(&db, id, info.weight).is_none() {
            continue;
        }
        let Some(font) = swash::FontRef::from_index((*data).as_ref(), info.index as usize) else { continue };
        if font.metrics(&[]).units_per_em == 0 {
            continue;
        }
        faces.push(Arc::new(Face {
            data: Arc::clone(&data),
            digest,
            index: info.index,
            key: font.key,
            offset: font.offset,
            families: info.families.iter().map(|(name, _)| name.clone()).collect(),
            weights: weights(&font, info.weight.0),
            italic: info.style != fontdb::Style::Normal,
            emoji: info.post_script_name.contains("Emoji"),
            gradients: gradients(&font),
        }));
    }
    if faces.is_empty() {
        return Err(damaged("it holds no face with the tables that a TrueType or OpenType font needs"));
    }
    Ok(faces)
}

/// Whether a face has a COLR table of version 1 and no pictures.
fn gradients(font: &swash::FontRef<'_>) -> bool {
    let table = |tag| font.table(swash::tag_from_bytes(tag));
    let version = table(b"COLR").and_then(|colr| colr.first_chunk::<2>()).map(|v| u16::from_be_bytes(*v));
    version.is_some_and(|version| version > 0) && table(b"CBDT").or_else(|| table(b"sbix")).is_none()
}

/// The range of the weight axis, or the one weight that a face without it has.
fn weights(font: &swash::FontRef<'_>, own: u16) -> (u16, u16) {
    let axis = font.variations().find_by_tag(swash::tag_from_bytes(b"wght"));
    let range = axis.map(|axis| (axis.min_value() as u16, axis.max_value() as u16));
    range.filter(|(least, most)| least <= most).unwrap_or((own, own))
}
